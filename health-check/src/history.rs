//! The history: a sample of each check goes to the end of a file that keeps a bounded number of them; the samples
//! come back for the report.
//!
//! # The file
//! One line for each check, of eight fields between tabs: seconds since 1970; CPU, RAM and the fullest disk in per
//! cent; the load over five minutes; the milliseconds of the slowest site; `ok` or `bad`; what is wrong, in words. What
//! was not measured is `-`. A line of another form is skipped: a crash may leave half a line, or zeros.

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use nix::fcntl::{Flock, FlockArg};

/// The longest text of a problem, in bytes.
const LONGEST_PROBLEM: usize = 240;
/// The longest line, in bytes.
const LONGEST_LINE: u64 = 512;
/// How long to wait for another check that has locked the file.
const PATIENCE: Duration = Duration::from_secs(2);
/// The time between two attempts to lock it.
const PAUSE: Duration = Duration::from_millis(10);

/// The result of one check.
pub struct Sample {
    /// Seconds since 1970.
    pub time: i64,
    /// Per cent.
    pub cpu: Option<f32>,
    /// Per cent.
    pub ram: Option<f32>,
    /// Per cent, of the fullest disk.
    pub disk: Option<f32>,
    /// The average over five minutes.
    pub load: Option<f32>,
    /// Milliseconds, of the slowest site.
    pub response: Option<f32>,
    /// The problems. If several unhealthy samples follow one another, only the first has the
    /// text; the others are empty.
    pub problem: Option<Box<str>>,
}

impl Sample {
    fn line(&self) -> String {
        let mut line = self.time.to_string();
        for (value, decimals) in [(self.cpu, 1), (self.ram, 1), (self.disk, 1), (self.load, 2), (self.response, 0)] {
            _ = match value {
                Some(value) => write!(line, "\t{value:.decimals$}"),
                None => write!(line, "\t-"),
            };
        }
        let problem = self.problem.as_deref().unwrap_or_default().replace(char::is_control, " ");
        let verdict = if self.problem.is_some() { "bad" } else { "ok" };
        _ = writeln!(line, "\t{verdict}\t{}", beginning(&problem, LONGEST_PROBLEM));
        line
    }

    /// Parses a line. A line without a line feed is not complete, so it is not accepted.
    fn parse(line: &[u8]) -> Option<Self> {
        let mut fields = std::str::from_utf8(line).ok()?.strip_suffix('\n')?.split('\t');
        let time = fields.next()?.parse().ok().filter(|time| *time >= 0)?;
        let mut number = || match fields.next()? {
            "-" => Some(None),
            digits => digits.parse().ok().filter(|number: &f32| number.is_finite() && *number >= 0.0).map(Some),
        };
        let (cpu, ram, disk, load, response) = (number()?, number()?, number()?, number()?, number()?);
        let problem = match (fields.next()?, fields.next()?) {
            ("ok", "") => None,
            ("bad", words) => Some(words.into()),
            _ => return None,
        };
        fields.next().is_none().then_some(Self { time, cpu, ram, disk, load, response, problem })
    }
}

/// Returns the beginning of a text, at most `most` bytes.
fn beginning(text: &str, most: usize) -> &str {
    (0..=most.min(text.len())).rev().find_map(|end| text.get(..end)).unwrap_or_default()
}

/// Appends a sample to the history, and returns the newest `length` samples, this one included.
///
/// If a crash has left a part of a line at the end, it is removed first. If the file has over 10 % more lines than
/// `length`, it is replaced with a file that has the newest ones.
///
/// # Errors
/// When the file cannot be opened, read or written, or another program holds it for two seconds.
pub fn record(path: &Path, sample: &Sample, length: usize) -> io::Result<VecDeque<Sample>> {
    let mut file = open_locked(path)?;
    cut_torn_line(&file)?;
    file.write_all(sample.line().as_bytes())?;
    let (samples, too_many) = read_end(&mut file, length)?;
    if let Some(start) = too_many {
        compact(path, &mut file, start)?;
    }
    Ok(samples)
}

/// The newest `length` samples of a history.
///
/// # Errors
/// When the file cannot be opened or read.
pub fn read(path: &Path, length: usize) -> io::Result<VecDeque<Sample>> {
    Ok(read_end(&mut File::open(path)?, length)?.0)
}

/// Opens the file for appending and locks it. The lock ends when the file is closed.
fn open_locked(path: &Path) -> io::Result<Flock<File>> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let file = OpenOptions::new().read(true).append(true).create(true).open(path)?;
        if !file.metadata()?.is_file() {
            return Err(io::Error::other("it is not a regular file"));
        }
        // Another check may have replaced the file in the meantime.
        if let Ok(file) = Flock::lock(file, FlockArg::LockExclusiveNonblock)
            && fs::metadata(path).is_ok_and(|now| file.metadata().is_ok_and(|then| now.ino() == then.ino()))
        {
            return Ok(file);
        }
        if Instant::now() >= deadline {
            return Err(io::Error::new(io::ErrorKind::TimedOut, "another check holds it"));
        }
        thread::sleep(PAUSE);
    }
}

fn cut_torn_line(file: &File) -> io::Result<()> {
    let size = file.metadata()?.len();
    let start = size.saturating_sub(LONGEST_LINE);
    let mut end = vec![0; size.min(LONGEST_LINE) as usize];
    file.read_exact_at(&mut end, start)?;
    match end.iter().rev().position(|byte| *byte == b'\n') {
        Some(0) => Ok(()),
        Some(torn) => file.set_len(size.saturating_sub(torn as u64)),
        None if start == 0 => file.set_len(0),
        // This is not a line of a check. With a line feed after it, it is a line that is skipped.
        None => (&*file).write_all(b"\n"),
    }
}

/// Reads only the end of the file, which has the newest `length` samples. If it has over 10 % more, also returns where the
/// line of the oldest of them begins, in bytes.
fn read_end(file: &mut File, length: usize) -> io::Result<(VecDeque<Sample>, Option<u64>)> {
    let most = length.saturating_add(length.div_ceil(10));
    let lines = most.saturating_add(1);
    let longest = LONGEST_LINE.saturating_mul(lines as u64);
    let mut position = file.metadata()?.len().saturating_sub(longest);
    file.seek(SeekFrom::Start(position))?;
    let mut reader = BufReader::new(file).take(longest);
    let (mut count, mut was_well, mut samples, mut starts) = (0_usize, true, VecDeque::new(), VecDeque::new());
    let mut line = Vec::new();
    if position > 0 {
        // The first line is probably not complete, but its end could look like a complete one.
        position = position.saturating_add(reader.read_until(b'\n', &mut line)? as u64);
        line.clear();
    }
    while reader.read_until(b'\n', &mut line)? > 0 {
        if let Some(mut sample) = Sample::parse(&line) {
            let is_well = sample.problem.is_none();
            if !is_well && !was_well {
                sample.problem = Some("".into());
            }
            was_well = is_well;
            count = count.saturating_add(1);
            samples.push_back(sample);
            starts.push_back(position);
        }
        position = position.saturating_add(line.len() as u64);
        line.clear();
        if samples.len() > length {
            starts.pop_front();
            let oldest: Option<Sample> = samples.pop_front();
            // The text of an outage moves to its oldest sample that is left.
            if let (Some(words), Some(first)) = (oldest.and_then(|oldest| oldest.problem), samples.front_mut())
                && first.problem.as_deref() == Some("")
            {
                first.problem = Some(words);
            }
        }
    }
    Ok((samples, starts.front().copied().filter(|_| count > most)))
}

/// Replaces the file with one that has its content from `start`. The new file is written to the disk before it gets the
/// name, so that after a crash there is the old file or the new one.
fn compact(path: &Path, file: &mut File, start: u64) -> io::Result<()> {
    let mut temporary = path.as_os_str().to_owned();
    temporary.push(".new");
    let mut new = File::create(&temporary)?;
    file.seek(SeekFrom::Start(start))?;
    io::copy(file, &mut new)?;
    new.sync_all()?;
    fs::rename(&temporary, path)
}
