//! Brings the data of the instances that are replaced to the new ones: everything is checked before anything is made; then
//! each old site goes into maintenance, its data are carried over, compared, and the new site is asked. Only the caller
//! removes the old instances. If anything fails before that, the old sites are put back into service.

use std::time::Duration;

use super::health::HealthPage;
use super::prepare::PreparedDeploy;
use super::removal::DataChoice;
use super::settings::DatabaseLocation;
use super::started::StartedInstance;
use crate::linode::api::client::ApiClient;
use crate::linode::api::instances::Instance;
use crate::linode::error::LinodeError;
use crate::remote::carry::carry;
use crate::remote::data::RemotePackage;
use crate::remote::info::DatabasePlace;
use crate::remote::maintenance::Maintenance;
use crate::remote::ssh::Host;
use crate::system::progress::Reporter;

const HELP: &str = "`stackdeb data save` and `stackdeb data restore` carry data by hand; --discard-data deletes them";

/// How long a new instance's SSH server may take after its site has answered.
const SSH_PATIENCE: Duration = Duration::from_secs(60);
/// The pause between two looks.
const PAUSE: Duration = Duration::from_secs(2);

/// The servers whose data are brought, in the order of the new instances.
#[derive(Debug)]
pub(super) struct DataSources(Vec<RemotePackage>);

/// Looks whether the data of each old instance can be brought to a new one. Nothing is changed.
///
/// # Errors
/// When one cannot be reached over SSH, has too old a package, or has data that the new one has no place for.
pub(super) fn check(prepared: &PreparedDeploy, reporter: Reporter) -> Result<DataSources, LinodeError> {
    let options = prepared.options;
    if options.data != DataChoice::Bring {
        return Ok(DataSources(Vec::new()));
    }
    if !options.stack.app.kind.has_processes() {
        reporter.say("there are no data to bring: a site of files alone keeps none");
        return Ok(DataSources(Vec::new()));
    }
    let (old, new) = (prepared.replaced.len(), prepared.labels.len());
    if old == 0 {
        reporter.say(&format!("there are no data to bring: nothing runs in {}", options.region));
        return Ok(DataSources(Vec::new()));
    }
    if old != new {
        return Err(LinodeError::argument(
            format!(
                "--bring-data brings the data of each old instance to a new one, but there are {old} old and {new} new"
            ),
            "leave --count out, or give it the number of the old ones",
        ));
    }
    if prepared.host_keys.iter().any(Option::is_none) {
        return Err(LinodeError::argument(
            "--bring-data needs the host keys of the new instances, and they cannot be put into their user data",
            "install ssh-keygen (`apt install openssh-client`); if the project has an image/user-data of its own, it needs \
             the block ssh_keys of stackdeb's",
        ));
    }
    prepared.replaced.iter().map(|instance| check_one(prepared, instance)).collect::<Result<_, _>>().map(DataSources)
}

fn check_one(prepared: &PreparedDeploy, instance: &Instance) -> Result<RemotePackage, LinodeError> {
    let (options, label) = (prepared.options, &instance.label);
    let server = reach(&options.stack.package.name, instance)?;
    let info = server.info()?;
    if info.valkey_contents.is_some_and(|valkey| valkey.keys > 0) && options.stack.services.valkey.is_none() {
        let problem = format!("{label} has data in Valkey, and this stack has no [service.valkey]; nothing was made");
        return Err(LinodeError::argument(problem, HELP));
    }
    let problem = match (info.database, &options.stack.database, options.settings.database()) {
        (DatabasePlace::Here, None, _) => "is on its own disk, and this stack has no database",
        (DatabasePlace::Here, _, DatabaseLocation::Remote) => {
            "is on its own disk, and the new instance would use another, because DATABASE_URL is set"
        }
        (DatabasePlace::Elsewhere, Some(_), DatabaseLocation::Local) => {
            "is on another server, and the new instance would begin with an empty one: set DATABASE_URL"
        }
        _ => return Ok(server),
    };
    Err(LinodeError::argument(format!("the database of {label} {problem}; nothing was made"), HELP))
}

fn reach(name: &crate::control::PackageName, instance: &Instance) -> Result<RemotePackage, LinodeError> {
    let address = instance.address().ok_or_else(|| {
        LinodeError::argument(
            format!("{} has no public address over which its data could be brought", instance.label),
            HELP,
        )
    })?;
    Ok(RemotePackage::find(Host::new(&format!("root@{address}"))?, Some(name))?)
}

/// Brings the data. Afterwards, the old sites are in maintenance and the new ones serve.
///
/// # Errors
/// When anything fails. The old sites are then back in service.
pub(super) fn bring(
    client: &ApiClient,
    prepared: &PreparedDeploy,
    sources: &DataSources,
    started: &[StartedInstance],
    reporter: Reporter,
) -> Result<(), LinodeError> {
    let targets: Vec<RemotePackage> = sources
        .0
        .iter()
        .zip(started)
        .map(|(_, one)| await_ssh(client, prepared, &one.instance))
        .collect::<Result<_, _>>()?;
    let mut held = Vec::new();
    for (((old, new), from), to) in sources.0.iter().zip(&targets).zip(&prepared.replaced).zip(started) {
        reporter.say(&format!("{} is in maintenance, until its data are brought to {}", from.label, to.instance.label));
        let maintenance = Maintenance::begin(old)?;
        let spinner = reporter.spinner(&format!("bringing the data of {} to {}", from.label, to.instance.label));
        let (contents, notes) = carry(old, new, &maintenance)?;
        drop(spinner);
        for note in notes {
            reporter.say(&format!("{}: {note}", to.instance.label));
        }
        await_site(client, prepared, &to.instance)?;
        // Something else than the app, such as a cron job, may have written on the old one.
        if old.sums()? != contents.sums {
            return Err(LinodeError::DataChanged { label: from.label.clone() });
        }
        reporter.say(&format!("{} has the data of {}: {}", to.instance.label, from.label, contents.describe()));
        held.push(maintenance);
    }
    // From here on, the new sites have the data, and the old ones must not get others.
    held.into_iter().try_for_each(Maintenance::make_last).map_err(LinodeError::from)
}

fn await_ssh(client: &ApiClient, prepared: &PreparedDeploy, instance: &Instance) -> Result<RemotePackage, LinodeError> {
    let end = client.clock().now().saturating_add(SSH_PATIENCE);
    loop {
        match reach(&prepared.options.stack.package.name, instance) {
            Err(LinodeError::Remote(crate::remote::RemoteError::Connection { .. })) if client.clock().now() < end => {
                client.clock().sleep(PAUSE)?;
            }
            reached => return reached,
        }
    }
}

/// Waits until the site answers with its new data.
fn await_site(client: &ApiClient, prepared: &PreparedDeploy, instance: &Instance) -> Result<(), LinodeError> {
    let (page, address) = (HealthPage::of(prepared.options.stack), instance.address().unwrap_or_default());
    let end = client.clock().now().saturating_add(prepared.options.timeout);
    loop {
        let Err(last) = page.ask(address)? else { return Ok(()) };
        if client.clock().now() >= end {
            return Err(LinodeError::NotHealthy {
                labels: instance.label.clone(),
                seconds: prepared.options.timeout.as_secs(),
                last: format!("{}: {last}", page.url(address)),
                help: format!(
                    "look at it: ssh root@{address} journalctl -b -u {}",
                    prepared.options.stack.package.name
                ),
            });
        }
        client.clock().sleep(PAUSE)?;
    }
}
