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
use std::io::{self, BufRead, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

/// The longest text of a problem, in bytes.
const LONGEST_PROBLEM: usize = 240;
/// The longest line, in bytes.
const LONGEST_LINE: u64 = 512;
/// How long to wait for another check that has locked the file.
const PATIENCE: Duration = Duration::from_secs(2);
/// The time between two attempts to lock it.
const PAUSE: Duration = Duration::from_millis(10);

/// The result of one check.
#[derive(Debug, Clone, PartialEq)]
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
        _ = writeln!(line, "\t{}\t{}", self.verdict(), beginning(&problem, LONGEST_PROBLEM));
        line
    }

    fn verdict(&self) -> &'static str {
        if self.problem.is_some() { "bad" } else { "ok" }
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
    let line = sample.line();
    if file.write(line.as_bytes())? < line.len() {
        return Err(io::Error::new(io::ErrorKind::WriteZero, "only a part of the line was taken"));
    }
    let (lines, samples) = read_from(&mut file, length)?;
    if lines > length.saturating_add(length.div_ceil(10)) {
        compact(path, &mut file, length, lines.saturating_sub(length))?;
    }
    Ok(samples)
}

/// The newest `length` samples of a history.
///
/// # Errors
/// When the file cannot be opened or read.
pub fn read(path: &Path, length: usize) -> io::Result<VecDeque<Sample>> {
    Ok(read_from(&mut File::open(path)?, length)?.1)
}

/// Opens the file for appending and locks it. The lock ends when the file is closed.
fn open_locked(path: &Path) -> io::Result<File> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let file = OpenOptions::new().read(true).append(true).create(true).open(path)?;
        if !file.metadata()?.is_file() {
            return Err(io::Error::other("it is no regular file"));
        }
        // SAFETY: the descriptor is open as long as `file` lives.
        let locked = unsafe { libc::flock(file.as_raw_fd(), libc::LOCK_EX | libc::LOCK_NB) } == 0;
        // Another check may have replaced the file in the meantime.
        if locked && fs::metadata(path).is_ok_and(|now| file.metadata().is_ok_and(|then| now.ino() == then.ino())) {
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

/// Calls `each` with every line that is a sample. It reads only the end of the file, which
/// has the newest `length` samples.
fn each_sample(
    file: &mut File,
    length: usize,
    mut each: impl FnMut(&[u8], Sample) -> io::Result<()>,
) -> io::Result<()> {
    let lines = length.saturating_add(length.div_ceil(10)).saturating_add(1);
    let longest = LONGEST_LINE.saturating_mul(lines as u64);
    let start = file.metadata()?.len().saturating_sub(longest);
    file.seek(SeekFrom::Start(start))?;
    let mut reader = BufReader::new(file).take(longest);
    let mut line = Vec::new();
    if start > 0 {
        // The first line is probably not complete, but its end could look like a complete one.
        reader.read_until(b'\n', &mut line)?;
        line.clear();
    }
    while reader.read_until(b'\n', &mut line)? > 0 {
        if let Some(sample) = Sample::parse(&line) {
            each(&line, sample)?;
        }
        line.clear();
    }
    Ok(())
}

/// Returns the number of samples that were read, and the newest `length` of them.
fn read_from(file: &mut File, length: usize) -> io::Result<(usize, VecDeque<Sample>)> {
    let (mut count, mut was_well, mut samples) = (0, true, VecDeque::new());
    each_sample(file, length, |_, mut sample| {
        let is_well = sample.problem.is_none();
        if !is_well && !was_well {
            sample.problem = Some("".into());
        }
        was_well = is_well;
        count = usize::saturating_add(count, 1);
        samples.push_back(sample);
        if samples.len() > length {
            let oldest: Option<Sample> = samples.pop_front();
            // The text of an outage moves to its oldest sample that is left.
            if let (Some(words), Some(first)) = (oldest.and_then(|oldest| oldest.problem), samples.front_mut())
                && first.problem.as_deref() == Some("")
            {
                first.problem = Some(words);
            }
        }
        Ok(())
    })?;
    Ok((count, samples))
}

/// Replaces the file with one that has its newest `length` samples, which are those after the first `older`. The new
/// file is written to the disk before it gets the name, so that after a crash there is the old file or the new one.
fn compact(path: &Path, file: &mut File, length: usize, mut older: usize) -> io::Result<()> {
    let mut temporary = path.as_os_str().to_owned();
    temporary.push(".new");
    let mut out = BufWriter::new(File::create(&temporary)?);
    each_sample(file, length, |line, _| match older.checked_sub(1) {
        None => out.write_all(line),
        Some(fewer) => {
            older = fewer;
            Ok(())
        }
    })?;
    out.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
    fs::rename(&temporary, path)
}
