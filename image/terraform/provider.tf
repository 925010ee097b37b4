terraform {
  required_version = ">= 1.3"

  required_providers {
    linode = {
      source  = "linode/linode"
      version = "~> 3.13"
    }
  }
}

provider "linode" {
  token       = var.token
  api_version = var.api_version
}
