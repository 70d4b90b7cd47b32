locals {
  # In the order of the template's allowed values.
  destinations = [for each in ["archive", "logzio", "otlp"] : each if contains(var.ship_to == null ? [] : var.ship_to, each)]

  # A parameter that is not set keeps the template's default.
  parameters = { for name, value in {
    Deployment      = var.deployment
    ExportName      = var.export_name
    BucketName      = var.bucket_name
    Retention       = var.retention
    RetentionInDays = var.retention_in_days == null ? null : tostring(var.retention_in_days)
    AccessLogBucket = var.access_log_bucket
    AlertTopicArn   = var.alert_topic_arn
    ShipTo          = var.ship_to == null ? null : join(",", local.destinations)
  } : name => value if value != null }
}

resource "aws_cloudformation_stack" "this" {
  name          = var.stack_name
  template_body = file(var.template_file)
  parameters    = merge(local.parameters, var.vendor_parameters)
  capabilities  = ["CAPABILITY_NAMED_IAM"]
  on_failure    = "ROLLBACK"
  tags          = var.tags
}
