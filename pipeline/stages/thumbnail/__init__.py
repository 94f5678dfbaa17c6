"""Stage: poster and storyboard."""
