"""The detect stage: detections, tracks, a summary of each label, and a contact sheet."""
