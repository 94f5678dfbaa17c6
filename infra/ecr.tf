# Where the stages' images are pushed to: for Lambda, and for GPU hosts.

resource "aws_ecr_repository" "images" {
  for_each = toset(["lambda", "gpu"])

  name                 = "${var.name}/${each.key}"
  image_tag_mutability = "IMMUTABLE"
  force_delete         = !var.deletion_protection

  image_scanning_configuration {
    scan_on_push = true
  }
}

resource "aws_ecr_lifecycle_policy" "images" {
  for_each   = aws_ecr_repository.images
  repository = each.value.name

  # Which of them `live`, a task or a way back still names no rule can tell: what has a tag stays.
  policy = jsonencode({
    rules = [{
      rulePriority = 1
      description  = "What has lost its tag is named by nobody"
      selection    = { tagStatus = "untagged", countType = "sinceImagePushed", countUnit = "days", countNumber = 14 }
      action       = { type = "expire" }
    }]
  })
}
