output "stack_id" {
  description = "Id of the stack."
  value       = aws_cloudformation_stack.this.id
}

output "outputs" {
  description = "Every output of the template."
  value       = aws_cloudformation_stack.this.outputs
}

output "bucket_name" {
  description = "Bucket that the vendor writes to; null for log groups."
  value       = lookup(aws_cloudformation_stack.this.outputs, "BucketName", null)
}

output "role_arn" {
  description = "Role that the vendor assumes; null where no role is assumed."
  value       = lookup(aws_cloudformation_stack.this.outputs, "RoleArn", null)
}

output "kms_key_arn" {
  description = "Key of the bucket, for the vendor's form; null where there is none to name."
  value       = lookup(aws_cloudformation_stack.this.outputs, "KmsKeyArn", null)
}

output "next_steps" {
  description = "The commands or the request that switch the export on at the vendor."
  value       = lookup(aws_cloudformation_stack.this.outputs, "NextSteps", null)
}
