"""What is seen: detections, tracks, sightings of each label, and the sheet of best frames."""
