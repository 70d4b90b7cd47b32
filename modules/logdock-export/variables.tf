variable "template_file" {
  description = "Path of a template that `make templates` wrote, such as build/templates/mongodb-atlas.yaml."
  type        = string

  validation {
    condition     = can(regex("\\.yaml$", var.template_file))
    error_message = "template_file must be the path of a .yaml template."
  }
}

variable "stack_name" {
  description = "Name of the CloudFormation stack."
  type        = string

  validation {
    condition     = can(regex("^[A-Za-z][A-Za-z0-9-]{0,127}$", var.stack_name))
    error_message = "stack_name must be 1 to 128 letters, digits and hyphens, beginning with a letter."
  }
}

variable "deployment" {
  description = "First part of the names of what the template creates (parameter Deployment)."
  type        = string
  default     = "logdock"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,14}[a-z0-9]$", var.deployment))
    error_message = "deployment must be 2 to 16 lower-case letters, digits and hyphens, beginning with a letter."
  }
}

variable "export_name" {
  description = "Second part of the names (parameter ExportName)."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,30}[a-z0-9]$", var.export_name))
    error_message = "export_name must be 2 to 32 lower-case letters, digits and hyphens, beginning with a letter."
  }
}

variable "bucket_name" {
  description = "Name of the bucket, for templates that create one (parameter BucketName). Default: named by export, account and Region."
  type        = string
  default     = null
}

variable "retention" {
  description = "Retention profile, for templates with a bucket (parameter Retention). Default: the template's."
  type        = string
  default     = null

  validation {
    condition     = var.retention == null ? true : contains(["soc2", "pci", "hipaa", "seven-years"], var.retention)
    error_message = "retention must be soc2, pci, hipaa or seven-years."
  }
}

variable "retention_in_days" {
  description = "Days in CloudWatch Logs, for templates with log groups (parameter RetentionInDays). Default: the template's."
  type        = number
  default     = null
}

variable "access_log_bucket" {
  description = "Existing bucket for S3 server access logs (parameter AccessLogBucket). Default: none."
  type        = string
  default     = null
}

variable "alert_topic_arn" {
  description = "Existing SNS topic that the alarm notifies (parameter AlertTopicArn). Default: no alarm."
  type        = string
  default     = null
}

variable "ship_to" {
  description = "Destinations of the deployment's shipper (parameter ShipTo): archive, logzio, otlp. Default: none, a landing alone."
  type        = list(string)
  default     = null

  validation {
    condition     = var.ship_to == null ? true : length(setsubtract(var.ship_to, ["archive", "logzio", "otlp"])) == 0
    error_message = "ship_to must be a list of archive, logzio and otlp."
  }
}

variable "vendor_parameters" {
  description = "The template's own parameters by their names, such as AtlasExternalId. docs/templates.md lists them."
  type        = map(string)
  default     = {}

  validation {
    condition = length(setintersection(keys(var.vendor_parameters), [
      "Deployment", "ExportName", "BucketName", "Retention", "RetentionInDays", "AccessLogBucket", "AlertTopicArn",
      "ShipTo",
    ])) == 0
    error_message = "vendor_parameters must not name a parameter that has a variable of its own."
  }
}

variable "tags" {
  description = "Tags of the stack, which CloudFormation puts on its resources."
  type        = map(string)
  default     = {}
}
