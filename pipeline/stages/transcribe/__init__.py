"""The transcribe stage: windows of speech, transcripts, captions, and filters of invented text."""
