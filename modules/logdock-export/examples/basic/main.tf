terraform {
  required_version = ">= 1.5"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.0"
    }
  }
}

provider "aws" {
  region = "eu-west-1"
}

variable "atlas_external_id" {
  description = "atlasAssumedRoleExternalId, from Atlas's page \"Authorize an AWS IAM Role\"."
  type        = string
}

module "atlas" {
  source = "../.."

  template_file = "${path.module}/../../../../build/templates/mongodb-atlas.yaml"
  stack_name    = "logdock-atlas"
  export_name   = "atlas"
  bucket_name   = "acme-atlas-logs"
  retention     = "hipaa"

  vendor_parameters = {
    AtlasAWSAccountArn = "arn:aws:iam::772401394250:root"
    AtlasExternalId    = var.atlas_external_id
    ProjectId          = "5e2211c17a3e5a48f5497de3"
    PrefixPath         = "atlas"
  }
}

output "next_steps" {
  description = "What is left to do at Atlas."
  value       = module.atlas.next_steps
}
