//! Compresses a raw image into one gzip member (RFC 1952), on all processors, and takes the digests of both meanwhile.
//!
//! The image is cut into blocks of 1 MiB. Each becomes a deflate stream that ends at a full byte (a sync flush, RFC 1951
//! 3.2.4), so that threads can make the streams at the same time and the file is just one after the other. There is one
//! member, not one for each block: a reader that stops after the first member still gets everything. The cuts depend only
//! on the image, so the number of threads does not change a byte, and an unchanged block always gives the same bytes: it is
//! taken from the [`Store`] of images that were made before.

use std::fs::File;
use std::io::{self, Write};
use std::num::NonZeroUsize;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use flate2::{Compress, Compression, FlushCompress};

use super::blocks::{BLOCK, Block, Blocks};
use crate::system::cache::store::Store;
use crate::system::hash::{HashingWriter, Sha256};
use crate::system::interrupt;
use crate::system::progress::{Progress, Reporter};

/// The compression level: gzip's default. It is a constant because the bytes of the image depend on it.
const LEVEL: u32 = 6;

/// The first bytes of every gzip file (RFC 1952, 2.3.1).
pub const MAGIC: [u8; 2] = [0x1f, 0x8b];

/// The header (RFC 1952, 2.3): deflate, no flags, no time, no hint about the level, Unix. It is the same in every build.
const HEADER: [u8; 10] = [MAGIC[0], MAGIC[1], 8, 0, 0, 0, 0, 0, 0, 3];

/// An empty last block with the fixed codes (RFC 1951, 3.2.6). It ends the stream, which a sync flush does not.
const LAST_BLOCK: [u8; 2] = [0x03, 0x00];

/// The sizes and digests of an image before and after compression.
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

/// A compressed block, and the checksum of its raw bytes.
struct Deflated {
    bytes: Arc<Vec<u8>>,
    crc: u32,
    raw_bytes: u64,
}

/// A raw block for a worker, and the channel for its result.
struct Job {
    raw: Arc<Vec<u8>>,
    done: SyncSender<io::Result<Deflated>>,
}

/// Compresses the whole of `raw` into `output` on `threads` threads. A progress line of `reporter` counts the bytes of the
/// image. What is in `kept` is not compressed again, and what is not is kept there. The result depends neither on that nor on
/// the number of threads. Each thread needs about 5 MiB of memory.
///
/// # Errors
/// When `raw` cannot be read, `output` cannot be written, or the user interrupts. A block that cannot be kept, or that is
/// damaged in the cache, is no error.
pub fn compress(
    raw: &File,
    output: impl Write,
    threads: NonZeroUsize,
    kept: Option<&Store>,
    reporter: Reporter,
) -> io::Result<Compressed> {
    let length = raw.metadata()?.len();
    let progress = reporter.bytes("compressing", length);
    // The results in the order of the blocks. The channel's bound limits how many blocks are in memory.
    let (in_order, results) = sync_channel(threads.get().saturating_mul(2));
    let (jobs, queue) = sync_channel(threads.get());
    let queue = Mutex::new(queue);
    thread::scope(|scope| {
        for _ in 0..threads.get() {
            scope.spawn(|| work(&queue, kept, reporter));
        }
        // The digest of the image is what takes longest of all that cannot be done side by side, so its thread does nothing
        // else.
        let (to_hash, hashed) = sync_channel(threads.get().saturating_mul(2));
        let hasher = scope.spawn(|| hash(hashed));
        let reader = scope.spawn(move || read(raw, length, &jobs, &in_order, &to_hash));
        let written = write(results, output, &progress);
        let read = reader.join().map_err(|_| io::Error::other("the image's reader ended unexpectedly"))?;
        let raw_sha256 = hasher.join().map_err(|_| io::Error::other("the image's digest ended unexpectedly"))?;
        // If the disk is full, the writer's error is the cause; the reader only lost its receiver.
        let (compressed_sha256, compressed_bytes) = written?;
        read?;
        Ok(Compressed { raw_bytes: length, raw_sha256: raw_sha256?, compressed_bytes, compressed_sha256 })
    })
}

/// The digest of the image; `None` is a block of zeros.
fn hash(blocks: Receiver<Option<Arc<Vec<u8>>>>) -> io::Result<Sha256> {
    let mut hasher = HashingWriter::new(io::sink());
    let zeros = vec![0; BLOCK];
    for block in blocks {
        hasher.write_all(block.as_deref().unwrap_or(&zeros))?;
    }
    Ok(hasher.finish().1)
}

/// Reads the blocks in order, and sends them to the workers and to the thread that makes the digest. Ends early when the
/// writer has failed.
fn read(
    raw: &File,
    length: u64,
    jobs: &SyncSender<Job>,
    in_order: &SyncSender<Receiver<io::Result<Deflated>>>,
    to_hash: &SyncSender<Option<Arc<Vec<u8>>>>,
) -> io::Result<()> {
    // They are compressed only once.
    let zeros = vec![0; BLOCK];
    let Deflated { bytes: no_bytes, crc: no_crc, .. } =
        deflate(&mut Compress::new(Compression::new(LEVEL), false), &zeros)?;
    for block in Blocks::of(raw, length) {
        let (done, result) = sync_channel(1);
        let goes_on = match block? {
            Block::Zeros => {
                let ready = Deflated { bytes: Arc::clone(&no_bytes), crc: no_crc, raw_bytes: BLOCK as u64 };
                done.send(Ok(ready)).is_ok() && in_order.send(result).is_ok() && to_hash.send(None).is_ok()
            }
            Block::Data(raw) => {
                let raw = Arc::new(raw);
                in_order.send(result).is_ok()
                    && to_hash.send(Some(Arc::clone(&raw))).is_ok()
                    && jobs.send(Job { raw, done }).is_ok()
            }
        };
        if !goes_on {
            break;
        }
    }
    Ok(())
}

/// One worker: takes blocks until there are no more.
fn work(queue: &Mutex<Receiver<Job>>, kept: Option<&Store>, reporter: Reporter) {
    let mut deflater = Compress::new(Compression::new(LEVEL), false);
    loop {
        let next = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(job) = next else { return };
        // This fails when the writer has failed and no longer waits. The writer reports that.
        let _ = job.done.send(deflate_once(&mut deflater, &job.raw, kept, reporter));
    }
}

/// Takes a block from those that are kept, or compresses it and keeps it there.
fn deflate_once(deflater: &mut Compress, raw: &[u8], kept: Option<&Store>, reporter: Reporter) -> io::Result<Deflated> {
    let Some(kept) = kept else { return deflate(deflater, raw) };
    let key = kept.key(raw);
    match kept.find(key) {
        Ok(None) => {}
        Ok(Some(bytes)) => {
            return Ok(Deflated { bytes: Arc::new(bytes), crc: crc32fast::hash(raw), raw_bytes: raw.len() as u64 });
        }
        Err(damaged) => reporter.warn(&damaged.to_string()),
    }
    let deflated = deflate(deflater, raw)?;
    // A full disk is noticed when the image is written; else the next image is only slower.
    let _ = kept.keep(key, &deflated.bytes);
    Ok(deflated)
}

/// Writes the member from the blocks in their order. Returns the digest and the size in bytes of the compressed file.
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
        length = length.saturating_add(block.raw_bytes);
        progress.advance(block.raw_bytes);
    }
    interrupt::check()?;
    output.write_all(&LAST_BLOCK)?;
    output.write_all(&crc.finalize().to_le_bytes())?;
    // The length modulo 2^32 (RFC 1952, 2.3.1): the cast truncates on purpose.
    output.write_all(&(length as u32).to_le_bytes())?;
    output.flush()?;
    let (_, digest, bytes) = output.finish();
    Ok((digest, bytes))
}

/// Compresses one block, with a sync flush at the end.
fn deflate(deflater: &mut Compress, raw: &[u8]) -> io::Result<Deflated> {
    deflater.reset();
    let mut bytes = Vec::with_capacity(raw.len() / 2);
    loop {
        let taken = usize::try_from(deflater.total_in()).unwrap_or(usize::MAX);
        let rest = raw.get(taken..).unwrap_or_default();
        bytes.reserve(64 * 1024);
        deflater.compress_vec(rest, &mut bytes, FlushCompress::Sync).map_err(io::Error::other)?;
        // The flush is complete only if there is free space in the output left (zlib's manual on `Z_SYNC_FLUSH`).
        if deflater.total_in() == raw.len() as u64 && bytes.len() < bytes.capacity() {
            break;
        }
    }
    let crc = crc32fast::hash(raw);
    Ok(Deflated { bytes: Arc::new(bytes), crc, raw_bytes: raw.len() as u64 })
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
        let sizes = compress(&raw, &mut out, NonZeroUsize::new(threads).unwrap(), None, Reporter::Silent).unwrap();
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
        let error = compress(&raw, Full, two, None, Reporter::Silent).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
    }
}
