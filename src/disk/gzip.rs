//! A raw image in, one gzip member out (RFC 1952), compressed on all processors, with both checksums taken on the way.
//!
//! The image is cut into blocks of 1 MiB, and each is a deflate stream of its own that ends on a byte's edge (a sync
//! flush, RFC 1951 3.2.4), so that they can be made side by side and simply follow one another. One member, not one for
//! each block: a reader that stops after the first member still sees everything. Where the cuts are depends on nothing but
//! the image, so the number of threads does not change a byte, and a block that did not change gives the bytes it gave.

use std::fs::File;
use std::io::{self, Write};
use std::num::NonZeroUsize;
use std::os::unix::fs::FileExt;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use flate2::{Compress, Compression, FlushCompress};

use crate::system::hash::{HashingWriter, Sha256};
use crate::system::interrupt;
use crate::system::progress::{Progress, Reporter};

/// Bytes of the image in each block.
const BLOCK: usize = 1024 * 1024;

/// gzip's own default level. A constant: the image's bytes depend on it.
const LEVEL: u32 = 6;

/// Deflate, no flags, no time, no hint, Unix: nothing in it differs from one build to the next (RFC 1952 2.3).
const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3];

/// An empty last block with the fixed codes (RFC 1951 3.2.6), which ends the stream that the sync flushes left open.
const LAST_BLOCK: [u8; 2] = [0x03, 0x00];

/// What went in and what came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Compressed {
    /// The image's size in bytes.
    pub raw_bytes: u64,
    /// The digest of the image.
    pub raw_sha256: Sha256,
    /// The gzip file's size in bytes.
    pub compressed_bytes: u64,
    /// The digest of the gzip file.
    pub compressed_sha256: Sha256,
}

/// A deflated block and the checksum of what it holds.
struct Deflated {
    bytes: Arc<[u8]>,
    crc: u32,
    raw_bytes: u64,
}

/// A block on its way to a worker, and where its result is waited for.
struct Job {
    raw: Vec<u8>,
    done: SyncSender<io::Result<Deflated>>,
}

/// Compresses `raw` from its start to its end into `output`, on `threads` workers. A progress line of `reporter` counts the image's bytes.
/// The result is the same for every number of threads. Uses about 3 MiB of memory for each.
///
/// # Errors
/// When `raw` cannot be read, `output` cannot be written, or the user interrupts.
pub fn compress(raw: &File, output: impl Write, threads: NonZeroUsize, reporter: Reporter) -> io::Result<Compressed> {
    let length = raw.metadata()?.len();
    let progress = reporter.bytes("compressing", length);
    // The results in the order of the blocks; its bound is what limits the blocks under way.
    let (in_order, results) = sync_channel(2 * threads.get());
    let (jobs, queue) = sync_channel(threads.get());
    let queue = Mutex::new(queue);
    thread::scope(|scope| {
        for _ in 0..threads.get() {
            scope.spawn(|| work(&queue));
        }
        let reader = scope.spawn(move || read(raw, length, &jobs, &in_order));
        let written = write(results, output, &progress);
        let raw_sha256 = reader.join().map_err(|_| io::Error::other("the image's reader ended unexpectedly"))?;
        // Both fail when the disk is full or the user interrupts, the reader only because nobody takes its blocks.
        let (compressed_sha256, compressed_bytes) = written?;
        Ok(Compressed { raw_bytes: length, raw_sha256: raw_sha256?, compressed_bytes, compressed_sha256 })
    })
}

/// Hands the image's blocks out in order and takes its digest. Ends early when nobody waits for the results.
fn read(
    raw: &File,
    length: u64,
    jobs: &SyncSender<Job>,
    in_order: &SyncSender<Receiver<io::Result<Deflated>>>,
) -> io::Result<Sha256> {
    let mut hasher = HashingWriter::new(io::sink());
    let mut zeros: Option<(Arc<[u8]>, u32)> = None;
    let mut position = 0;
    while position < length {
        interrupt::check()?;
        let size = usize::try_from(length - position).unwrap_or(BLOCK).min(BLOCK);
        let mut block = vec![0; size];
        raw.read_exact_at(&mut block, position)?;
        hasher.write_all(&block)?;
        position += size as u64;
        let (done, result) = sync_channel(1);
        // Free room is most of an image and always the same block.
        if size == BLOCK && is_zero(&block) {
            let (bytes, crc) = match &zeros {
                Some(known) => known.clone(),
                None => {
                    let first = deflate(&mut Compress::new(Compression::new(LEVEL), false), &block)?;
                    zeros.insert((first.bytes, first.crc)).clone()
                }
            };
            let ready = Deflated { bytes, crc, raw_bytes: BLOCK as u64 };
            if done.send(Ok(ready)).is_err() || in_order.send(result).is_err() {
                break;
            }
        } else if in_order.send(result).is_err() || jobs.send(Job { raw: block, done }).is_err() {
            break;
        }
    }
    Ok(hasher.finish().1)
}

/// One worker: takes blocks until there are no more.
fn work(queue: &Mutex<Receiver<Job>>) {
    let mut deflater = Compress::new(Compression::new(LEVEL), false);
    loop {
        let next = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(job) = next else { return };
        // Nobody waits for it any more when writing failed; there is nothing to do about it here.
        let _ = job.done.send(deflate(&mut deflater, &job.raw));
    }
}

/// Puts the member together from blocks in their order. Gives the compressed digest and size.
fn write(
    results: Receiver<Receiver<io::Result<Deflated>>>,
    output: impl Write,
    progress: &Progress,
) -> io::Result<(Sha256, u64)> {
    let mut output = HashingWriter::new(output);
    let mut crc = crc32fast::Hasher::new();
    let mut length = 0_u64;
    output.write_all(&HEADER)?;
    for result in results {
        interrupt::check()?;
        let block = result.recv().map_err(|_| io::Error::other("a block of the image was not compressed"))??;
        output.write_all(&block.bytes)?;
        crc.combine(&crc32fast::Hasher::new_with_initial_len(block.crc, block.raw_bytes));
        length += block.raw_bytes;
        progress.advance(block.raw_bytes);
    }
    interrupt::check()?;
    output.write_all(&LAST_BLOCK)?;
    output.write_all(&crc.finalize().to_le_bytes())?;
    // The length modulo 2^32 (RFC 1952 2.3.1): the cut is meant.
    output.write_all(&(length as u32).to_le_bytes())?;
    output.flush()?;
    let (_, digest, bytes) = output.finish();
    Ok((digest, bytes))
}

/// One block, up to and with its sync flush.
fn deflate(deflater: &mut Compress, raw: &[u8]) -> io::Result<Deflated> {
    deflater.reset();
    let mut bytes = Vec::with_capacity(raw.len() / 2);
    loop {
        let taken = usize::try_from(deflater.total_in()).unwrap_or(usize::MAX);
        let rest = raw.get(taken..).unwrap_or_default();
        bytes.reserve(64 * 1024);
        deflater.compress_vec(rest, &mut bytes, FlushCompress::Sync).map_err(io::Error::other)?;
        // The flush is whole only when it left room (zlib's manual on `Z_SYNC_FLUSH`).
        if deflater.total_in() == raw.len() as u64 && bytes.len() < bytes.capacity() {
            break;
        }
    }
    let crc = crc32fast::hash(raw);
    Ok(Deflated { bytes: bytes.into(), crc, raw_bytes: raw.len() as u64 })
}

/// Page by page, in a form that the compiler turns into vector code; stops at the first page of most other blocks.
fn is_zero(block: &[u8]) -> bool {
    block.chunks(4096).all(|page| page.iter().fold(0, |all, &byte| all | byte) == 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Seek};

    fn compressed(content: &[u8], threads: usize) -> (Vec<u8>, Compressed) {
        let mut raw = tempfile::tempfile().unwrap();
        raw.write_all(content).unwrap();
        raw.rewind().unwrap();
        let mut out = Vec::new();
        let sizes = compress(&raw, &mut out, NonZeroUsize::new(threads).unwrap(), Reporter::Silent).unwrap();
        (out, sizes)
    }

    /// Text, noise, zeros, and a last block that is not whole.
    fn sample() -> Vec<u8> {
        let mut sample: Vec<u8> = (0..400_000_u32).flat_map(|n| n.to_string().into_bytes()).collect();
        let mut state = 1_u32;
        sample.extend((0..BLOCK).map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        }));
        sample.resize(8 * BLOCK, 0);
        sample.extend_from_slice(b"the end");
        sample
    }

    #[test]
    fn the_number_of_threads_does_not_change_a_byte() {
        let sample = sample();
        let (one, sizes) = compressed(&sample, 1);
        assert_eq!((sizes.raw_bytes, sizes.raw_sha256), (sample.len() as u64, Sha256::of(&sample)));
        assert_eq!((sizes.compressed_bytes, sizes.compressed_sha256), (one.len() as u64, Sha256::of(&one)));
        for threads in [2, 3, 8] {
            assert_eq!(compressed(&sample, threads), (one.clone(), sizes), "{threads} threads");
        }
    }

    #[test]
    fn the_first_member_is_everything() {
        for sample in [sample(), Vec::new(), b"x".to_vec(), vec![0; BLOCK], vec![7; BLOCK + 1]] {
            let (compressed, _) = compressed(&sample, 2);
            let mut content = Vec::new();
            // `bufread::GzDecoder` reads one member and stops.
            let mut reader = flate2::bufread::GzDecoder::new(compressed.as_slice());
            reader.read_to_end(&mut content).unwrap();
            assert!(content == sample, "{} bytes", sample.len());
            assert!(reader.into_inner().is_empty(), "something followed the member");
        }
    }

    #[test]
    fn a_full_disk_ends_it() {
        struct Full;
        impl Write for Full {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::ErrorKind::StorageFull.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let mut raw = tempfile::tempfile().unwrap();
        raw.write_all(&sample()).unwrap();
        let two = NonZeroUsize::new(2).unwrap();
        let error = compress(&raw, Full, two, Reporter::Silent).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
    }
}
