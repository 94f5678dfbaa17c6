# The archive of uploads' events, for `videodrop replay --from-archive`.

resource "aws_cloudwatch_event_archive" "uploads" {
  name             = "${var.name}-uploads"
  description      = "Uploads to ${local.uploads_bucket}"
  event_source_arn = "${local.events}:event-bus/default"
  retention_days   = var.archive_days

  # EventBridge does not archive replayed events.
  event_pattern = replace(
    jsonencode({ for field, values in local.topology.uploads.events.created : field => values if field != "replay-name" }),
    "$${uploads_bucket}", local.uploads_bucket,
  )

  lifecycle {
    precondition {
      condition     = alltrue([for bucket in data.aws_s3_bucket.uploads : bucket.region == var.region])
      error_message = "The bucket ${local.uploads_bucket} is in another region, and its events do not reach ${var.region}: set region to the bucket's."
    }
  }
}
