"""SBOMs, reports of scanners, VEX and advisories, in each of their forms."""
