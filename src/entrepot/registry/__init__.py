"""Rules of distribution: blobs, uploads, manifests, tags, referrers. Never asks who you are."""
