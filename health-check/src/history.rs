//! The history: a sample of each check goes to the end of a file that keeps a bounded number of them; the samples come
//! back for the report.
//!
//! # The file
//! One line for each check, of eight fields between tabs: seconds since 1970; CPU, RAM and the fullest disk in per cent;
//! the load over five minutes; the milliseconds of the slowest site; `ok` or `bad`; what is wrong, in words. What was not
//! measured is `-`. A line of another form is skipped: a crash may leave half a line, or zeros.

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

/// The longest text of what is wrong, in bytes.
const LONGEST_PROBLEM: usize = 240;
/// The longest line, in bytes, with its numbers.
const LONGEST_LINE: u64 = 512;
/// How long to wait for another check that has locked the file.
const PATIENCE: Duration = Duration::from_secs(2);
/// The time between two attempts to lock it.
const PAUSE: Duration = Duration::from_millis(10);

/// What one check found.
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
    /// Over five minutes.
    pub load: Option<f32>,
    /// Milliseconds, of the slowest site.
    pub response: Option<f32>,
    /// What is wrong. Of several unhealthy samples in a row, only the first has the words; the others are empty.
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

    /// Reads a line with its end; without one it is not whole.
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

/// The beginning of a text, of at most so many bytes.
fn beginning(text: &str, most: usize) -> &str {
    (0..=most.min(text.len())).rev().find_map(|end| text.get(..end)).unwrap_or_default()
}

/// Puts a sample at the end of the history, and returns the newest `length` of them with it.
///
/// What a crash left of a line is cut off before. When the file has a tenth more than `length` lines, it is replaced at
/// once by one with the newest of them.
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

/// Opens the file for appending, for this program alone until it is closed.
fn open_locked(path: &Path) -> io::Result<File> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let file = OpenOptions::new().read(true).append(true).create(true).open(path)?;
        if !file.metadata()?.is_file() {
            return Err(io::Error::other("it is no regular file"));
        }
        // SAFETY: the descriptor is open as long as `file` lives.
        let locked = unsafe { libc::flock(file.as_raw_fd(), libc::LOCK_EX | libc::LOCK_NB) } == 0;
        // Meanwhile another check may have put a shorter file in its place.
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
        // No check wrote that. A line feed makes it a line that is skipped.
        None => (&*file).write_all(b"\n"),
    }
}

/// Calls `each` with every line that is a sample, from where the newest `length` of them must be.
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
        // The end of a line could look like a whole one.
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

/// The number of samples in the file, and the newest `length` of them.
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
            // The words of an outage that began before stay with it.
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

/// Replaces the file by one with its newest `length` samples: those after the first `older`. The new file is on the disk
/// before it gets the name, so that after a crash there is the old file or the new one.
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
