//! gzip, by compressors that are used again.

use std::fmt;

use flate2::{Compress, Compression, FlushCompress, Status};

use crate::pool::Pool;

/// Metrics pages shrink to a seventh at the fastest level, at about 1 GB/s; the default level makes an
/// eleventh of them and takes more than ten times as long (`examples/page_cost.rs` measures both).
const LEVEL: Compression = Compression::fast();

/// 32 KiB, the largest window that every client knows.
const WINDOW_BITS: u8 = 15;

/// Compresses pages. The state of a compressor takes some 300 KB, so a few are kept.
pub(crate) struct Gzip {
    idle: Pool<Compress>,
}

impl Gzip {
    /// Keeps `most` compressors between uses.
    pub(crate) fn new(most: usize) -> Self {
        Self { idle: Pool::new(most) }
    }

    /// Appends `plain` as one gzip member to `out`. Allocates nothing once a compressor is there and
    /// `out` has grown to its size.
    pub(crate) fn compress(&self, plain: &[u8], out: &mut Vec<u8>) -> Result<(), CompressionFailed> {
        let mut compressor = self.idle.take().unwrap_or_else(|| Compress::new_gzip(LEVEL, WINDOW_BITS));
        compressor.reset();
        out.reserve(plain.len() / 6 + 64);
        loop {
            // Since the reset; a page that doesn't fit into memory can't be too large for usize.
            let taken = compressor.total_in() as usize;
            let status = compressor.compress_vec(&plain[taken..], out, FlushCompress::Finish);
            match status.map_err(|_| CompressionFailed)? {
                Status::StreamEnd => break,
                Status::Ok | Status::BufError => out.reserve(plain.len() / 32 + 1024),
            }
        }
        self.idle.put(compressor);
        Ok(())
    }
}

impl fmt::Debug for Gzip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gzip").finish_non_exhaustive()
    }
}

/// What a working compressor does not do.
#[derive(Debug)]
pub(crate) struct CompressionFailed;

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    fn unpack(packed: &[u8]) -> Vec<u8> {
        let mut plain = Vec::new();
        flate2::read::MultiGzDecoder::new(packed).read_to_end(&mut plain).unwrap();
        plain
    }

    /// Bytes that can't be made smaller.
    fn noise(len: usize) -> Vec<u8> {
        let mut state = 1_u64;
        let step = |_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 56) as u8
        };
        (0..len).map(step).collect()
    }

    #[test]
    fn one_compressor_packs_pages_of_all_sizes_one_after_the_other() {
        let gzip = Gzip::new(1);
        let line = b"requests_total{method=\"GET\",route=\"/items/{id}\",code=\"200\"} 4711\n";
        let pages = [Vec::new(), b"a".to_vec(), line.repeat(50_000), noise(300_000), line.repeat(3)];
        for page in &pages {
            let mut packed = b"kept".to_vec();
            gzip.compress(page, &mut packed).unwrap();
            let packed = packed.strip_prefix(b"kept").unwrap();
            assert!(unpack(packed) == *page, "{} bytes", page.len());
        }
        assert!(gzip.idle.take().is_some(), "the compressor is kept");
    }
}
