# The catalog, with keys and indexes of topology.json. Indexes project keys only; the items have the
# data.

locals {
  table = local.topology.table
  keys = distinct(flatten([
    for place in concat([local.table], values(local.table.indexes)) : [place.hash_key, place.range_key]
  ]))
}

resource "aws_dynamodb_table" "catalog" {
  name                        = var.name
  billing_mode                = "PAY_PER_REQUEST"
  hash_key                    = local.table.hash_key
  range_key                   = local.table.range_key
  deletion_protection_enabled = var.deletion_protection

  dynamic "attribute" {
    for_each = toset(local.keys)

    content {
      name = attribute.value
      type = "S"
    }
  }

  dynamic "global_secondary_index" {
    for_each = local.table.indexes

    content {
      name            = global_secondary_index.key
      hash_key        = global_secondary_index.value.hash_key
      range_key       = global_secondary_index.value.range_key
      projection_type = "KEYS_ONLY"
    }
  }

  ttl {
    enabled        = true
    attribute_name = local.table.ttl
  }

  dynamic "server_side_encryption" {
    for_each = var.kms_key_arn == null ? [] : [var.kms_key_arn]

    content {
      enabled     = true
      kms_key_arn = server_side_encryption.value
    }
  }

  point_in_time_recovery {
    enabled = true
  }
}
