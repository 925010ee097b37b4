# Set these in terraform.tfvars, in variables TF_VAR_NAME of the environment, or here.

variable "token" {
  description = "Linode's API token. If it is not set, the provider reads LINODE_TOKEN from the environment. Do not store it in a file."
  type        = string
  default     = null
  sensitive   = true
}

variable "api_version" {
  description = "The version of the API. A balancer in a VPC needs v4beta as long as Linode offers that as a beta only."
  type        = string
  default     = "v4beta"
}

variable "region" {
  description = "The region of everything, such as us-east or de-fra-2. It must have {{#if has_database}}placement groups, VPCs and managed databases{{else}}placement groups and VPCs{{/if}}."
  type        = string
}

variable "image_region" {
  description = "The region that the image is uploaded to, if the machines' region takes no images."
  type        = string
  default     = null
}

variable "name" {
  description = "What all labels begin with. It must be unique in the account."
  type        = string
  default     = "{{hcl label}}"

  validation {
    condition     = can(regex("^[a-z](-?[a-z0-9])*$", var.name)) && length(var.name) <= {{longest_label}}
    error_message = "Use at most {{longest_label}} lower-case letters, digits and single hyphens, with a letter first and no hyphen last."
  }
}

variable "ssh_keys" {
  description = "Root's public SSH keys, one line each."
  type        = list(string)

  validation {
    condition     = length(var.ssh_keys) > 0 && alltrue([for key in var.ssh_keys : can(regex("^[a-z][^\n]* AAAA[^\n]+$", key))])
    error_message = "At least one public key is needed, as in ~/.ssh/id_ed25519.pub: ssh-ed25519 AAAA… you@home"
  }
}

variable "ssh_networks" {
  description = "The networks from which SSH can connect, in CIDR notation. If the list is empty, SSH cannot connect at all."
  type        = list(string)
  default     = ["0.0.0.0/0", "::/0"]

  validation {
    condition     = alltrue([for network in var.ssh_networks : can(cidrhost(network, 0))])
    error_message = "Each must be a network in CIDR notation, such as 203.0.113.0/24 or 2001:db8::/32; a single address is 203.0.113.5/32."
  }
}

variable "instances" {
  description = "The number of web machines. A placement group of the region sets the limit."
  type        = number
  default     = 2

  validation {
    condition     = var.instances >= 1 && floor(var.instances) == var.instances
    error_message = "At least one web machine is needed."
  }
}

variable "interfaces" {
  description = "The kind of a web machine's network interfaces: legacy_config, or linode for an account that allows Linode interfaces only. A change replaces all machines at once."
  type        = string
  default     = "legacy_config"

  validation {
    condition     = contains(["legacy_config", "linode"], var.interfaces)
    error_message = "Choose legacy_config or linode."
  }
}

variable "type" {
  description = "The plan of a web machine. A change reaches a machine when it is replaced: see web.tf."
  type        = string
  default     = "g6-nanode-1"
}

variable "swap" {
  description = "The size of a web machine's swap disk, in MB. A change reaches a machine when it is replaced: see web.tf."
  type        = number
  default     = 512
}

variable "environment" {
  description = "Settings of the app: variables that are added to /etc/{{name}}/{{name}}.env."
  type        = map(string)
  default     = {}
  sensitive   = true

  validation {
    condition     = alltrue([for name, value in var.environment : can(regex("^[A-Za-z_][A-Za-z0-9_]*$", name)) && !can(regex("[\n\r]", value))])
    error_message = "A name has letters, digits and _, and begins with no digit; a value has one line."
  }
}

variable "subnet" {
  description = "The private network of {{#if has_database}}web machines, balancer and database{{else}}web machines and balancer{{/if}}."
  type        = string
  default     = "10.0.0.0/24"

  validation {
    condition     = can(cidrhost(var.subnet, 0)) && can(regex("^(10|172|192)[.].*/([89]|1[0-9]|2[0-6])$", var.subnet))
    error_message = "Use a private IPv4 network with a prefix length from 8 to 26, such as 10.0.0.0/24."
  }
}
{{#if has_database}}

variable "database_type" {
  description = "The plan of each machine of the database."
  type        = string
  default     = "g6-nanode-1"
}

variable "database_size" {
  description = "The number of machines of the database. With more than one, it keeps working when one fails."
  type        = number
  default     = 1

  validation {
    condition     = contains([1, 2, 3], var.database_size)
    error_message = "A database has 1, 2 or 3 machines."
  }
}
{{/if}}
