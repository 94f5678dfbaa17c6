output "name" {
  description = "Name of the bucket."
  value       = aws_s3_bucket.this.id
}

output "domain" {
  description = "Host name of the bucket in its region."
  value       = aws_s3_bucket.this.bucket_regional_domain_name
}
