resource "linode_vpc" "stack" {
  label  = var.name
  region = var.region
}

resource "linode_vpc_subnet" "stack" {
  vpc_id = linode_vpc.stack.id
  label  = var.name
  ipv4   = var.subnet
}

locals {
  # Linode takes addresses from the beginning of the subnet for what has no fixed one. The fixed ones are in its second half.
  prefix           = tonumber(split("/", var.subnet)[1])
  fixed            = cidrsubnet(var.subnet, 1, 1)
  balancer_network = cidrsubnet(local.fixed, 29 - local.prefix, 0)
  addresses        = [for index in range(var.instances) : cidrhost(local.fixed, 10 + index)]

  # systemd.network(5), for a web machine's second card. The way out is the first one's.
  networks = [
    for address in local.addresses : join("\n", [
      "[Match]",
      "Name=eth1",
      "",
      "[Link]",
      "RequiredForOnline=no",
      "",
      "[Network]",
      "Address=${address}/${local.prefix}",
      "LinkLocalAddressing=no",
      "IPv6AcceptRA=no",
      "",
    ])
  ]
}
