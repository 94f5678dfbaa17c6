"""Reading media: the guarded door to ffmpeg, and what comes through it."""
