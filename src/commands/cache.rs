//! `stackdeb cache`: what is in the cache, and its removal.

use clap::{Args, Subcommand};
use jiff::Timestamp;
use serde::Serialize;

use crate::system::cache::Cache;
use crate::system::cache::contents::{LIMIT, Usage};
use crate::system::print;
use crate::system::progress::Reporter;

const NOTES: &str = "\
The cache is the folder stackdeb in XDG_CACHE_HOME, or in ~/.cache. It has downloads and what was made from them. stackdeb can \
download or make all of it again, so it may be removed; then the next build takes as long as the first. After each build, stackdeb removes what was not \
used for the longest time, until 10 GB are left. The dates of a mirror's Release files stay: they tell when it goes back.";

const MEGABYTE: u64 = 1_000_000;

/// The arguments of `stackdeb cache`.
#[derive(Debug, Args)]
#[command(after_help = NOTES, args_conflicts_with_subcommands = true)]
pub struct CacheArgs {
    /// Report as one JSON object on standard output
    #[arg(long)]
    json: bool,
    #[command(subcommand)]
    command: Option<CacheCommand>,
}

#[derive(Debug, Subcommand)]
enum CacheCommand {
    /// Remove what was not used for the longest time
    #[command(after_help = NOTES)]
    Prune(PruneArgs),
}

#[derive(Debug, Args)]
struct PruneArgs {
    /// How many megabytes may be left; 0 removes all of it
    #[arg(long, value_name = "MB", default_value_t = LIMIT / MEGABYTE)]
    to: u64,
}

/// The object that `--json` prints: what is in the cache, by kind.
#[derive(Debug, Serialize)]
struct CacheReport {
    path: String,
    bytes: u64,
    limit: u64,
    kinds: Vec<KindReport>,
}

#[derive(Debug, Serialize)]
struct KindReport {
    kind: &'static str,
    objects: usize,
    bytes: u64,
    /// When one of them was used last, in UTC.
    used: Option<String>,
}

/// # Errors
/// When the cache cannot be read, or something in it cannot be removed.
pub fn run(args: &CacheArgs) -> miette::Result<()> {
    let cache = Cache::of_user()?;
    if !cache.exists() {
        Reporter::Stderr.say("there is no cache yet");
        // A program that reads JSON gets the same object as ever.
        if !args.json {
            return Ok(());
        }
    }
    match &args.command {
        Some(CacheCommand::Prune(prune)) => {
            let pruned = cache.enter_and_prune(prune.to.saturating_mul(MEGABYTE))?;
            print::line(format_args!("{} files removed, {} MB", pruned.objects, pruned.bytes / MEGABYTE))?;
        }
        None => show(&cache, args.json)?,
    }
    Ok(())
}

fn show(cache: &Cache, json: bool) -> miette::Result<()> {
    let usage = cache.usage()?;
    let bytes: u64 = usage.iter().map(|usage| usage.bytes).sum();
    let path = cache.root().display().to_string();
    if json {
        let report = CacheReport { path, bytes, limit: LIMIT, kinds: usage.iter().map(report).collect() };
        return Ok(print::json(&report)?);
    }
    print::line(path)?;
    for usage in usage.iter().filter(|usage| usage.objects > 0) {
        let used = report(usage).used.unwrap_or_default();
        let (objects, kind, megabytes) = (usage.objects, usage.kind, usage.bytes.div_ceil(MEGABYTE));
        print::line(format_args!("{objects:>6} {kind:<28} {megabytes:>6} MB, last used {used}"))?;
    }
    Ok(print::line(format_args!("{} MB of at most {} MB", bytes.div_ceil(MEGABYTE), LIMIT / MEGABYTE))?)
}

fn report(usage: &Usage) -> KindReport {
    let used = usage.used.and_then(|time| Timestamp::try_from(time).ok());
    let used = used.map(|time| time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string());
    KindReport { kind: usage.kind, objects: usage.objects, bytes: usage.bytes, used }
}
