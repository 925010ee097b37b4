//! The compressions that the members of a .deb may have (deb(5)): encoders and decoders. What an encoder writes depends on
//! its input alone, never on the number of processors.

use std::fs;
use std::io::{self, BufRead, Write};
use std::num::NonZero;
use std::thread;

use flate2::GzBuilder;
use flate2::bufread::MultiGzDecoder;
use flate2::write::GzEncoder;
use liblzma::bufread::XzDecoder;
use liblzma::stream::{Check, MtStreamBuilder, Stream};
use liblzma::write::XzEncoder;

/// The dictionary of xz's level 6, in bytes. Blocks that are shorter would compress worse.
const XZ_DICTIONARY: u64 = 8 * 1024 * 1024;
/// The longest block, in bytes: three dictionaries, as in dpkg-deb and xz.
const XZ_BLOCK: u64 = 3 * XZ_DICTIONARY;
/// Use a multiple of four equal blocks, so that 2 or 4 threads finish together.
const XZ_TEAM: u64 = 4;
/// The most memory that a decoder may use, in bytes. Level 9 needs 65 MiB.
const XZ_DECODER_MEMORY: u64 = 128 * 1024 * 1024;
/// The size of one of Zstandard's jobs at level 19, in bytes: four windows of 8 MiB.
const ZSTD_JOB: u64 = 32 * 1024 * 1024;
/// About how much memory one worker of Zstandard uses at level 19, in bytes.
const ZSTD_WORKER_MEMORY: u64 = 150 * 1024 * 1024;
/// The operating system in a gzip header (RFC 1952, 2.3.1): Unix, as gzip itself writes it.
const GZIP_UNIX: u8 = 3;

/// How `control.tar` and `data.tar` are compressed (deb(5)).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    None,
    /// gzip, level 9.
    Gzip,
    /// xz, level 6: what Debian's own archive uses.
    Xz,
    /// Zstandard, level 19.
    Zstd,
}

impl Compression {
    /// The end of the member's name, with the dot.
    pub(super) fn suffix(self) -> &'static str {
        match self {
            Self::None => "",
            Self::Gzip => ".gz",
            Self::Xz => ".xz",
            Self::Zstd => ".zst",
        }
    }

    /// The compression that a suffix stands for; `None` when this program does not know it.
    pub(super) fn from_suffix(suffix: &str) -> Option<Self> {
        [Self::None, Self::Gzip, Self::Xz, Self::Zstd].into_iter().find(|compression| compression.suffix() == suffix)
    }
}

/// Compresses what is written to it into `W`.
pub(super) enum Encoder<W: Write> {
    None(W),
    Gzip(GzEncoder<W>),
    Xz(XzEncoder<W>),
    Zstd(zstd::Encoder<'static, W>),
}

impl<W: Write> Encoder<W> {
    /// An encoder for about `length` bytes: small input gets no more threads than there is work for.
    pub(super) fn new(compression: Compression, inner: W, length: u64) -> io::Result<Self> {
        Ok(match compression {
            Compression::None => Self::None(inner),
            Compression::Gzip => {
                let header = GzBuilder::new().mtime(0).operating_system(GZIP_UNIX);
                Self::Gzip(header.write(inner, flate2::Compression::best()))
            }
            Compression::Xz => Self::Xz(XzEncoder::new_stream(inner, xz_stream(length)?)),
            Compression::Zstd => {
                let mut encoder = zstd::Encoder::new(inner, 19)?;
                encoder.include_checksum(true)?;
                // At least one: without workers, Zstandard cuts its input in other places.
                encoder.multithread(threads(ZSTD_WORKER_MEMORY, length.div_ceil(ZSTD_JOB)))?;
                Self::Zstd(encoder)
            }
        })
    }

    /// Writes what is still buffered, and returns the inner writer.
    pub(super) fn finish(self) -> io::Result<W> {
        match self {
            Self::None(inner) => Ok(inner),
            Self::Gzip(encoder) => encoder.finish(),
            Self::Xz(encoder) => encoder.finish(),
            Self::Zstd(encoder) => encoder.finish(),
        }
    }
}

impl<W: Write> Write for Encoder<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::None(inner) => inner.write(bytes),
            Self::Gzip(encoder) => encoder.write(bytes),
            Self::Xz(encoder) => encoder.write(bytes),
            Self::Zstd(encoder) => encoder.write(bytes),
        }
    }

    /// Does nothing on purpose: a flush in the middle would change the compressed bytes.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The multi-threaded encoder even for one thread: the single-threaded one writes other block headers.
fn xz_stream(length: u64) -> io::Result<Stream> {
    let mut builder = MtStreamBuilder::new();
    let block = xz_block(length);
    builder.preset(6).check(Check::Crc64).block_size(block).threads(1);
    let wanted = threads(builder.memusage(), length.div_ceil(block));
    Ok(builder.threads(wanted).encoder()?)
}

/// The length of the blocks that about `length` bytes are cut into.
fn xz_block(length: u64) -> u64 {
    let blocks = length.div_ceil(XZ_TEAM * XZ_BLOCK).saturating_mul(XZ_TEAM);
    length.div_ceil(blocks.max(1)).clamp(XZ_DICTIONARY, XZ_BLOCK)
}

/// The number of threads to use: one for each processor, but not more than there are `jobs`, nor more than fit into half of
/// the free memory when each needs `memory` bytes. At least 1.
fn threads(memory: u64, jobs: u64) -> u32 {
    let processors = thread::available_parallelism().map_or(1, NonZero::get) as u64;
    let fitting = free_memory().map_or(1, |free| (free / 2).checked_div(memory).unwrap_or(u64::MAX));
    u32::try_from(processors.min(jobs).min(fitting)).unwrap_or(u32::MAX).max(1)
}

/// The memory that programs can get without swapping, in bytes (`MemAvailable` in proc(5)); `None` if it is not known.
fn free_memory() -> Option<u64> {
    let text = fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    line.trim().strip_suffix(" kB")?.parse::<u64>().ok()?.checked_mul(1024)
}

/// Decompresses xz within a limit of memory: a file names the memory that it needs, up to 4 GiB.
///
/// # Errors
/// When there is no memory for the decoder. It is while reading that more than the limit is found to be needed.
pub fn xz_decoder<R: BufRead>(source: R) -> io::Result<XzDecoder<R>> {
    let stream = Stream::new_stream_decoder(XZ_DECODER_MEMORY, liblzma::stream::CONCATENATED)?;
    Ok(XzDecoder::new_stream(source, stream))
}

/// Decompresses `source` while it is read. Several streams one after the other are read as one, as dpkg does.
pub(super) fn decoder(
    compression: Compression,
    source: impl BufRead + Send + 'static,
) -> io::Result<Box<dyn io::Read + Send>> {
    Ok(match compression {
        Compression::None => Box::new(source),
        Compression::Gzip => Box::new(MultiGzDecoder::new(source)),
        Compression::Xz => Box::new(xz_decoder(source)?),
        Compression::Zstd => Box::new(zstd::Decoder::with_buffer(source)?),
    })
}

#[cfg(test)]
pub(super) mod tests {
    use std::io::Read;

    use super::*;

    /// `content` in xz that says it needs a dictionary of 512 MiB (the xz file format, 5.3.1).
    pub(crate) fn hungry_xz(content: &[u8]) -> Vec<u8> {
        let mut encoder = XzEncoder::new(Vec::new(), 0);
        encoder.write_all(content).unwrap();
        let mut bytes = encoder.finish().unwrap();
        // The block's header follows the stream's, of 12 bytes. Its checksum is in its last four.
        let (_, block) = bytes.split_at_mut(12);
        let length = usize::from(block[0]).wrapping_add(1).wrapping_mul(4);
        let (header, _) = block.split_at_mut(length);
        let (header, checksum) = header.split_last_chunk_mut::<4>().unwrap();
        assert_eq!(header[2..4], [0x21, 1], "LZMA2 with one byte of properties");
        header[4] = 34;
        *checksum = crc32fast::hash(header).to_le_bytes();
        bytes
    }

    #[test]
    fn xz_gets_no_more_memory_than_the_limit() {
        let hungry = hungry_xz(b"content");
        let mut text = Vec::new();
        XzDecoder::new(hungry.as_slice()).read_to_end(&mut text).unwrap();
        assert_eq!(text, b"content", "without a limit it can be read");
        let mut limited = decoder(Compression::Xz, io::Cursor::new(hungry)).unwrap();
        let error = limited.read_to_end(&mut Vec::new()).unwrap_err().to_string();
        assert!(error.contains("memory"), "{error}");
    }

    #[test]
    fn blocks_are_equal_and_neither_short_nor_long() {
        let mega = 1024 * 1024;
        for (length, block, blocks) in [(0, 8, 0), (3, 8, 1), (32, 8, 4), (64, 16, 4), (96, 24, 4), (160, 20, 8)] {
            assert_eq!(
                (xz_block(length * mega), (length * mega).div_ceil(xz_block(length * mega))),
                (block * mega, blocks)
            );
        }
    }
}
