# The repositories of the stages' images, for Lambda and for GPU hosts.

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

  # No rule can detect which images `live`, a task or a rollback still uses: tagged ones stay.
  policy = jsonencode({
    rules = [{
      rulePriority = 1
      description  = "Untagged images are unused"
      selection    = { tagStatus = "untagged", countType = "sinceImagePushed", countUnit = "days", countNumber = 14 }
      action       = { type = "expire" }
    }]
  })
}
