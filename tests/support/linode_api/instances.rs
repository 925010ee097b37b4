//! Instances: made of images, booted, looked at, deleted. Each look at one lets its time pass.

use serde_json::{Value, json};

use super::http::{Answer, answer_json, count_down, error, page};
use super::instance_checks::{check, check_tags, network};
use super::machines::{Machines, Site, Started};
use super::{Call, Fault, State, account};

const FIELDS: &[&str] = &[
    "region",
    "type",
    "image",
    "label",
    "authorized_keys",
    "root_pass",
    "metadata",
    "kernel",
    "firewall_id",
    "private_ip",
    "network_helper",
    "swap_size",
    "tags",
    "placement_group",
    "booted",
    "interface_generation",
    "interfaces",
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Power {
    Provisioning,
    Booting,
    Rebooting,
    Running,
    Offline,
}

pub struct Linode {
    pub id: u32,
    pub made: Value,
    generation: &'static str,
    pub kernel: String,
    pub user_data: Vec<u8>,
    address: std::net::Ipv4Addr,
    power: Power,
    site: Option<Site>,
    was_started: bool,
}

impl Linode {
    /// With all the fields that the specification gives it.
    pub fn show(&self) -> Value {
        let made = &self.made;
        let status = format!("{:?}", self.power).to_lowercase();
        json!({
            "id": self.id, "label": made["label"], "group": "", "status": status, "type": made["type"],
            "created": "2026-11-23T04:00:00", "updated": "2026-11-23T04:00:00", "ipv4": [self.address],
            "ipv6": format!("2600:3c03::f03c:95ff:fe00:{:x}/128", self.id), "image": made["image"],
            "region": made["region"], "tags": made["tags"].as_array().cloned().unwrap_or_default(),
            "specs": {"disk": 25600, "memory": 1024, "vcpus": 1, "gpus": 0, "transfer": 1000, "accelerated_devices": 0},
            "alerts": {"cpu": 90, "io": 10000, "network_in": 10, "network_out": 10, "transfer_quota": 80},
            "backups": {"enabled": false, "available": false, "schedule": {"day": null, "window": null},
                "last_successful": null},
            "hypervisor": "kvm", "watchdog_enabled": true, "host_uuid": "3a3ddd59d9a78bb8de041391075df44de62bfec8",
            "has_user_data": !self.user_data.is_empty(), "placement_group": null, "disk_encryption": "enabled",
            "lke_cluster_id": null, "capabilities": [], "interface_generation": self.generation,
            "maintenance_policy": "linode/migrate", "locks": [],
        })
    }

    fn configuration(&self) -> Value {
        json!({"id": self.id + 10_000, "label": "My Debian 13 Disk Profile", "kernel": self.kernel, "comments": "",
            "memory_limit": 0, "run_level": "default", "virt_mode": "paravirt", "root_device": "/dev/sda",
            "devices": {"sda": {"disk_id": 1, "volume_id": null}, "sdb": {"disk_id": 2, "volume_id": null}},
            "helpers": {"distro": true, "network": true, "updatedb_disabled": true, "modules_dep": true,
                "devtmpfs_automount": true},
            "interfaces": if self.generation == "linode" { Value::Null } else { json!([]) }})
    }
}

/// What the API answers about instances.
pub fn route(call: &Call, state: &mut State) -> Option<Answer> {
    let rest = call.path.strip_prefix("/linode/instances")?;
    let scope = if call.method == "GET" { "linodes:read_only" } else { "linodes:read_write" };
    if let Some(refusal) = state.refuse_scope(scope) {
        return Some(refusal);
    }
    if rest.is_empty() {
        return Some(match call.method {
            "GET" => list(call, state),
            "POST" => create(call, state),
            _ => error(405, "Method Not Allowed", None),
        });
    }
    let mut parts = rest.trim_start_matches('/').splitn(2, '/');
    let id: u32 = parts.next()?.parse().ok()?;
    let place = state.instances.iter().position(|linode| linode.id == id)?;
    Some(match (call.method, parts.next().unwrap_or_default()) {
        ("GET", "") => {
            let_time_pass(place, state);
            answer_json(200, &state.instances[place].show())
        }
        ("DELETE", "") => {
            if state.faults.contains(&Fault::DeleteFails) {
                return Some(error(400, "This Linode is locked and cannot be deleted.", None));
            }
            state.instances.remove(place);
            state.firewalls.iter_mut().for_each(|firewall| firewall.linodes.retain(|linode| *linode != id));
            answer_json(200, &json!({}))
        }
        ("PUT", "") => retag(call, place, state),
        ("GET", "interfaces") if state.instances[place].generation == "linode" => answer_json(
            200,
            &json!({"interfaces": [{"id": id + 20_000, "version": 1, "public": {}, "vpc": null, "vlan": null}]}),
        ),
        ("GET", "interfaces") => error(400, "This Linode is using legacy config interfaces.", None),
        // The firewalls of an instance with Linode interfaces are those of its interfaces.
        ("GET", path) if path == "firewalls" || path == format!("interfaces/{}/firewalls", id + 20_000) => {
            let is_here = (path == "firewalls") == (state.instances[place].generation == "legacy_config");
            let behind = |firewall: &&super::firewalls::Firewall| is_here && firewall.linodes.contains(&id);
            let all: Vec<Value> = state.firewalls.iter().filter(behind).map(super::firewalls::Firewall::show).collect();
            page(&all, call.query, state.longest_page)
        }
        ("GET", "configs") => {
            let linode = &state.instances[place];
            let ready = linode.power != Power::Provisioning;
            let all: Vec<Value> = ready.then(|| linode.configuration()).into_iter().collect();
            page(&all, call.query, state.longest_page)
        }
        ("PUT", path) if path == format!("configs/{}", id + 10_000) => configure(call, &mut state.instances[place]),
        ("POST", "boot") => switch(&mut state.instances[place], Power::Offline, Power::Booting),
        ("POST", "reboot") => switch(&mut state.instances[place], Power::Running, Power::Rebooting),
        _ => error(404, "Not found", None),
    })
}

fn list(call: &Call, state: &State) -> Answer {
    let filter = call.filter();
    let wanted = |shown: &Value| {
        let tag = filter["tags"].as_str().is_none_or(|tag| shown["tags"].as_array().unwrap().contains(&json!(tag)));
        tag && filter["label"].as_str().is_none_or(|label| shown["label"] == label)
    };
    let all: Vec<Value> = state.instances.iter().map(Linode::show).filter(wanted).collect();
    page(&all, call.query, state.longest_page)
}

fn retag(call: &Call, place: usize, state: &mut State) -> Answer {
    let change = match call.body(&["tags"]) {
        Ok(change) => change,
        Err(refusal) => return refusal,
    };
    if let Err((reason, field)) = check_tags(&change) {
        return error(400, reason, Some(field));
    }
    if !state.account.sets_tags() {
        return error(403, "Unauthorized", None);
    }
    let linode = &mut state.instances[place];
    linode.made["tags"] = change["tags"].clone();
    answer_json(200, &linode.show())
}

fn configure(call: &Call, linode: &mut Linode) -> Answer {
    let change = match call.body(&["kernel"]) {
        Ok(change) => change,
        Err(refusal) => return refusal,
    };
    match change["kernel"].as_str() {
        Some(kernel @ ("linode/grub2" | "linode/latest-64bit")) => linode.kernel = kernel.to_owned(),
        _ => return error(400, "A valid kernel is required", Some("kernel")),
    }
    answer_json(200, &linode.configuration())
}

fn switch(linode: &mut Linode, from: Power, to: Power) -> Answer {
    if linode.power != from {
        return error(400, "Linode busy.", None);
    }
    linode.power = to;
    answer_json(200, &json!({}))
}

/// One step of an instance's life.
fn let_time_pass(place: usize, state: &mut State) {
    let (faults, machines) = (state.faults.clone(), state.machines.clone());
    let linode = &mut state.instances[place];
    let booted = linode.made["booted"] != false;
    linode.power = match linode.power {
        Power::Provisioning if booted => Power::Booting,
        Power::Provisioning => Power::Offline,
        Power::Booting | Power::Rebooting | Power::Running => Power::Running,
        Power::Offline => Power::Offline,
    };
    if linode.power != Power::Running || linode.was_started {
        return;
    }
    linode.was_started = true;
    match machines {
        Machines::Sites(port) if !faults.contains(&Fault::SiteSilent) => {
            let status = if faults.contains(&Fault::SiteSick) { 503 } else { 200 };
            linode.site = Some(Site::start(linode.address, port, status));
        }
        Machines::Hook(hook) | Machines::At(_, hook) => {
            let image = linode.made["image"].as_str().unwrap().trim_start_matches("private/").to_owned();
            let file = state.images.iter().find(|stored| stored.number.to_string() == image);
            hook(Started {
                label: linode.made["label"].as_str().unwrap().to_owned(),
                address: linode.address,
                image: file.unwrap().file.clone().unwrap(),
                user_data: linode.user_data.clone(),
                kernel: linode.kernel.clone(),
            });
        }
        _ => {}
    }
}

fn create(call: &Call, state: &mut State) -> Answer {
    let fields: Vec<&str> = match state.faults.contains(&Fault::NoKernelField) {
        true => FIELDS.iter().copied().filter(|field| *field != "kernel").collect(),
        false => FIELDS.to_vec(),
    };
    let made = match call.body(&fields) {
        Ok(made) => made,
        Err(refusal) => return refusal,
    };
    if let Some(refusal) = account::refuse_user(&made, "add_linodes", state) {
        return refusal;
    }
    let limit = state.faults.iter().find_map(|fault| match fault {
        Fault::InstanceLimit(limit) => Some(*limit),
        _ => None,
    });
    if limit.is_some_and(|limit| state.instances.len() >= limit) {
        return error(400, "You've reached a limit for the number of active services on your account.", None);
    }
    let user_data = match check(&made, state) {
        Ok(user_data) => user_data,
        Err((reason, field)) => return error(400, reason, Some(field)),
    };
    let (generation, firewall) = match network(&made, state) {
        Ok(network) => network,
        Err((reason, field)) => return error(400, reason, Some(field)),
    };
    if let Some(id) = firewall.or(state.account.default_firewall) {
        let Some(firewall) = state.firewalls.iter_mut().find(|firewall| u64::from(firewall.id) == id) else {
            return error(400, "firewall_id is not valid", Some("firewall_id"));
        };
        if !firewall.is_enabled() {
            return error(400, "The firewall is disabled", Some("firewall_id"));
        }
        firewall.linodes.push(1000 + state.numbers + 1);
    }
    let kernel = made["kernel"].as_str().filter(|_| !state.faults.contains(&Fault::IgnoresKernel));
    let linode = Linode {
        id: state.next_number(),
        kernel: kernel.unwrap_or("linode/latest-64bit").to_owned(),
        user_data,
        generation,
        address: state.machines.address(),
        power: Power::Provisioning,
        site: None,
        was_started: false,
        made: made.clone(),
    };
    let shown = linode.show();
    state.instances.push(linode);
    let lost = count_down(state, |fault| match fault {
        Fault::CreateAnswerLost(times) => Some(times),
        _ => None,
    });
    if lost {
        Answer(502, String::new(), "text/html", "<h1>Bad Gateway</h1>".to_owned())
    } else {
        answer_json(200, &shown)
    }
}
