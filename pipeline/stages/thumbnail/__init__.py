"""The thumbnail stage: a poster and a storyboard."""
