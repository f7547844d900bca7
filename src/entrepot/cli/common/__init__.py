"""Parts that commands share: settings, output, progress."""
