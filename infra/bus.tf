# The project's events: requests to run stages again and to drive replays, and what has happened.

resource "aws_cloudwatch_event_bus" "own" {
  name = var.name
}
