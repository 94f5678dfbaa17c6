# Lambda deletes the snapshot of a version that nobody has called for 14 days, and the next call fails
# (https://docs.aws.amazon.com/lambda/latest/dg/snapstart-troubleshooting.html). So a schedule calls it
# each week.

locals {
  # As API Gateway sends it.
  weekly_request = {
    version         = "2.0"
    rawPath         = "/health"
    rawQueryString  = ""
    headers         = { host = "localhost" }
    isBase64Encoded = false
    requestContext  = { stage = "$default", http = { method = "GET", path = "/health", protocol = "HTTP/1.1", sourceIp = "127.0.0.1" } }
  }
}

module "keep_snapshot" {
  source = "./modules/schedule"
  count  = var.snap_start ? 1 : 0

  name         = "${var.name}-keep-snapshot"
  description  = "Keeps the snapshot of the query API"
  expression   = "rate(7 days)"
  function_arn = module.query.live.arn
  input        = jsonencode(local.weekly_request)

  permissions_boundary = var.permissions_boundary
}
