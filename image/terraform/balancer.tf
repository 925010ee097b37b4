resource "linode_nodebalancer" "stack" {
  label  = "${var.name}-balancer"
  region = var.region

  # The balancer connects to the web machines from this network; firewall.tf accepts that.
  vpcs = [
    {
      subnet_id  = linode_vpc_subnet.stack.id
      ipv4_range = local.balancer_network
    }
  ]
}

# For HTTPS: protocol = "https", port = 443, and ssl_cert and ssl_key from variables.
resource "linode_nodebalancer_config" "http" {
  nodebalancer_id = linode_nodebalancer.stack.id
  protocol        = "http"
  port            = {{public_port}}
  algorithm       = "roundrobin"

  # A machine that fails two checks in a row, which takes 20 seconds, gets no more requests. An error in one visitor's
  # request does not count.
  check          = "http"
  check_path     = local.health_path
  check_interval = 10
  check_timeout  = 5
  check_attempts = 2
  check_passive  = false
}

{{#if has_tls}}
# HTTPS ends at the web machines, each with its own certificate, so the balancer passes connections on as they are. The app
# then sees the balancer's address instead of the visitor's.
resource "linode_nodebalancer_config" "https" {
  nodebalancer_id = linode_nodebalancer.stack.id
  protocol        = "tcp"
  port            = 443
  algorithm       = "roundrobin"
  check           = "connection"
  check_interval  = 10
  check_timeout   = 5
  check_attempts  = 2
  check_passive   = false
}

resource "linode_nodebalancer_node" "web_https" {
  count = var.instances

  nodebalancer_id = linode_nodebalancer.stack.id
  config_id       = linode_nodebalancer_config.https.id
  label           = local.labels[count.index]
  address         = "${local.addresses[count.index]}:443"
  subnet_id       = linode_vpc_subnet.stack.id
  mode            = "accept"

  depends_on = [linode_instance_config.web]

  lifecycle {
    replace_triggered_by = [linode_instance.web[count.index]]
  }
}

{{/if}}
{{#each further_ports}}
# Other stacks in the image.
resource "linode_nodebalancer_config" "http_{{port}}" {
  nodebalancer_id = linode_nodebalancer.stack.id
  protocol        = "http"
  port            = {{port}}
  algorithm       = "roundrobin"
  check           = "http"
  check_path      = "{{hcl health_path}}"
  check_interval  = 10
  check_timeout   = 5
  check_attempts  = 2
  check_passive   = false
}

resource "linode_nodebalancer_node" "web_{{port}}" {
  count = var.instances

  nodebalancer_id = linode_nodebalancer.stack.id
  config_id       = linode_nodebalancer_config.http_{{port}}.id
  label           = local.labels[count.index]
  address         = "${local.addresses[count.index]}:{{port}}"
  subnet_id       = linode_vpc_subnet.stack.id
  mode            = "accept"

  depends_on = [linode_instance_config.web]

  lifecycle {
    replace_triggered_by = [linode_instance.web[count.index]]
  }
}

{{/each}}
resource "linode_nodebalancer_node" "web" {
  count = var.instances

  nodebalancer_id = linode_nodebalancer.stack.id
  config_id       = linode_nodebalancer_config.http.id
  label           = local.labels[count.index]
  address         = "${local.addresses[count.index]}:${local.port}"
  subnet_id       = linode_vpc_subnet.stack.id
  mode            = "accept"

  # The machine must have its address first. When the machine is replaced, so is its entry here.
  depends_on = [linode_instance_config.web]

  lifecycle {
    replace_triggered_by = [linode_instance.web[count.index]]
  }
}
