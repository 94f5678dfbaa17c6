"""What is said: windows of speech, transcripts, captions, and guards against invented text."""
