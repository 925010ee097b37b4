# A machine gets a new image, another plan, another size of the swap disk, new keys or new settings only when it is replaced:
# Terraform would change all machines at once. Replace one after the other: terraform apply -replace='linode_instance.web[0]',
# then [1] when the balancer shows that machine as up. `terraform plan` names the machines that are not as set.

locals {
  # What differs from the variables and the image, for each machine.
  differences = [
    for index, web in linode_instance.web : compact([
      web.type == var.type ? "" : "its plan is ${web.type} and not ${var.type}",
      linode_instance_disk.swap[index].size == var.swap ? "" : "its swap has ${linode_instance_disk.swap[index].size} MB and not ${var.swap}",
      linode_instance_disk.root[index].image == linode_image.stack.id ? "" : "it runs another image",
    ])
  ]

  labels = [for index in range(var.instances) : "${var.name}-web-${index + 1}"]

  # Lines of an environment file (systemd.exec(5), EnvironmentFile=).
  settings    = merge({ SECRET_KEY = random_password.secret_key.result }, var.environment{{#if has_database}}, { DATABASE_URL = local.database_url }{{/if}})
  environment = join("", [for name, value in local.settings : format("%s=\"%s\"\n", name, replace(value, "/[\\\\\"$`]/", "\\$0"))])

  # Each value is JSON, which is valid YAML whatever the value contains.
  user_data = [
    for index in range(var.instances) : templatefile("${path.module}/user-data.yaml.tftpl", {
      hostname    = jsonencode(local.labels[index])
      ssh_keys    = jsonencode(var.ssh_keys)
      environment = jsonencode(local.environment)
      network     = jsonencode(local.networks[index])
      balancer    = jsonencode("set_real_ip_from ${local.balancer_network};\n")
{{#if has_database}}
      database_ca = jsonencode(base64decode(linode_database_postgresql_v2.stack.ca_cert))

      database_admin = jsonencode(join("", [for name, value in local.database_admin : format("%s=\"%s\"\n", name, replace(value, "/[\\\\\"$`]/", "\\$0"))]))
{{/if}}
    })
  ]
}

# The key that the app signs with. All machines have the same one, because a visitor's next request may reach another.
resource "random_password" "secret_key" {
  length  = 64
  special = false
}

# No two web machines run on the same host.
resource "linode_placement_group" "web" {
  label                = "${var.name}-web"
  region               = var.region
  placement_group_type = "anti_affinity:local"
}

resource "linode_instance" "web" {
  count = var.instances

  label                = local.labels[count.index]
  region               = var.region
  type                 = var.type
  tags                 = ["terraform:${var.name}"]
  interface_generation = var.interfaces

  # With Linode interfaces, each interface has the firewall: see interfaces.tf.
  firewall_id = var.interfaces == "legacy_config" ? linode_firewall.web.id : null

  metadata {
    user_data = base64encode(local.user_data[count.index])
  }

  placement_group {
    id = linode_placement_group.web.id
  }

  lifecycle {
    ignore_changes = [metadata, type]

    precondition {
      condition     = length(base64encode(local.user_data[count.index])) <= 87380
      error_message = "The user data is larger than the 65535 bytes that Linode accepts: there are too many keys or settings."
    }
  }
}

resource "linode_instance_disk" "root" {
  count = var.instances

  linode_id       = linode_instance.web[count.index].id
  label           = "root"
  size            = linode_instance.web[count.index].specs[0].disk - var.swap
  image           = linode_image.stack.id
  authorized_keys = var.ssh_keys

  lifecycle {
    ignore_changes = [image, authorized_keys, size]
  }
}

resource "linode_instance_disk" "swap" {
  count = var.instances

  linode_id  = linode_instance.web[count.index].id
  label      = "swap"
  size       = var.swap
  filesystem = "swap"

  lifecycle {
    ignore_changes = [size]
  }
}

resource "linode_instance_config" "web" {
  count = var.instances

  linode_id = linode_instance.web[count.index].id
  label     = "stack"
  booted    = true

  # Boots the image's own kernel, as the image's grub.cfg says.
  kernel      = "linode/grub2"
  root_device = "/dev/sda"

  device {
    device_name = "sda"
    disk_id     = linode_instance_disk.root[count.index].id
  }

  device {
    device_name = "sdb"
    disk_id     = linode_instance_disk.swap[count.index].id
  }

  # The image gets its public address by DHCP, and its private address from the user data.
  helpers {
    network = false
  }

  dynamic "interface" {
    for_each = var.interfaces == "legacy_config" ? ["public"] : []

    content {
      purpose = interface.value
      primary = true
    }
  }

  dynamic "interface" {
    for_each = var.interfaces == "legacy_config" ? ["vpc"] : []

    content {
      purpose   = interface.value
      subnet_id = linode_vpc_subnet.stack.id

      ipv4 {
        vpc = local.addresses[count.index]
      }
    }
  }

  # A machine with Linode interfaces cannot boot before it has them.
  depends_on = [linode_interface.public, linode_interface.private]
}

# Part of each plan and apply, as a warning.
check "machines_are_as_set" {
  assert {
    condition = length(flatten(local.differences)) == 0

    error_message = join("\n", concat(
      ["These machines stay as they are until they are replaced. Replace one after the other, the next one when the balancer shows the last one as up:"],
      [for index, found in local.differences : "terraform apply -replace='linode_instance.web[${index}]' (${join(", ", found)})" if length(found) > 0],
    ))
  }
}
