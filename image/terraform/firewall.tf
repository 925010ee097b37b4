# Protects each web machine: only the balancer and SSH can connect.
resource "linode_firewall" "web" {
  label           = "${var.name}-web"
  inbound_policy  = "DROP"
  outbound_policy = "ACCEPT"

  inbound {
    label    = "balancer"
    action   = "ACCEPT"
    protocol = "TCP"
    ports    = tostring(local.port)
    ipv4     = [local.balancer_network]
  }
{{#if has_tls}}

  inbound {
    label    = "balancer-https"
    action   = "ACCEPT"
    protocol = "TCP"
    ports    = "443"
    ipv4     = [local.balancer_network]
  }
{{/if}}
{{#each further_ports}}

  inbound {
    label    = "balancer-{{port}}"
    action   = "ACCEPT"
    protocol = "TCP"
    ports    = "{{port}}"
    ipv4     = [local.balancer_network]
  }
{{/each}}

  dynamic "inbound" {
    for_each = length(local.ssh_ipv4) > 0 ? [local.ssh_ipv4] : []

    content {
      label    = "ssh-ipv4"
      action   = "ACCEPT"
      protocol = "TCP"
      ports    = "22"
      ipv4     = inbound.value
    }
  }

  dynamic "inbound" {
    for_each = length(local.ssh_ipv6) > 0 ? [local.ssh_ipv6] : []

    content {
      label    = "ssh-ipv6"
      action   = "ACCEPT"
      protocol = "TCP"
      ports    = "22"
      ipv6     = inbound.value
    }
  }
}

locals {
  ssh_ipv4 = [for network in var.ssh_networks : network if !strcontains(network, ":")]
  ssh_ipv6 = [for network in var.ssh_networks : network if strcontains(network, ":")]
}
