/// A growing array of fixed chunks: growing copies nothing, and takes memory only as far as it is used.
///
/// A `Vec` of flows would copy all of them each time it doubles, since the allocator cannot move memory that is aligned to cache lines.
#[derive(Debug)]
pub(crate) struct Chunks<T> {
    chunks: Vec<Vec<T>>,
}

impl<T> Chunks<T> {
    pub(crate) const fn new() -> Self {
        Self { chunks: Vec::new() }
    }

    /// How many elements there are.
    pub(crate) fn len(&self) -> usize {
        self.chunks.last().map_or(0, |last| (self.chunks.len() - 1) * CHUNK + last.len())
    }

    pub(crate) fn push(&mut self, element: T) {
        match self.chunks.last_mut() {
            Some(last) if last.len() < CHUNK => last.push(element),
            _ => {
                let mut chunk = Vec::with_capacity(CHUNK);
                chunk.push(element);
                self.chunks.push(chunk);
            }
        }
    }

    #[inline]
    pub(crate) fn get(&self, number: u32) -> Option<&T> {
        let (chunk, place) = split(number);
        self.chunks.get(chunk)?.get(place)
    }

    #[inline]
    pub(crate) fn get_mut(&mut self, number: u32) -> Option<&mut T> {
        let (chunk, place) = split(number);
        self.chunks.get_mut(chunk)?.get_mut(place)
    }
}

/// An array of fixed chunks of which only those exist that something was written to.
#[derive(Debug)]
pub(crate) struct SparseChunks<T> {
    chunks: Vec<Box<[T]>>,
}

impl<T: Clone + Default> SparseChunks<T> {
    pub(crate) const fn new() -> Self {
        Self { chunks: Vec::new() }
    }

    /// The element, if its chunk exists. It may be one that nobody has written.
    #[inline]
    pub(crate) fn get(&self, number: u32) -> Option<&T> {
        let (chunk, place) = split(number);
        self.chunks.get(chunk)?.get(place)
    }

    /// The element, in a chunk that is made for it if need be. `None` never comes.
    #[inline]
    pub(crate) fn get_mut(&mut self, number: u32) -> Option<&mut T> {
        let (chunk, place) = split(number);
        if self.chunks.len() <= chunk {
            self.chunks.resize_with(chunk + 1, Box::default);
        }
        let chunk = self.chunks.get_mut(chunk)?;
        if chunk.is_empty() {
            *chunk = vec![T::default(); CHUNK].into_boxed_slice();
        }
        chunk.get_mut(place)
    }
}

#[inline]
const fn split(number: u32) -> (usize, usize) {
    let number = number as usize;
    (number / CHUNK, number % CHUNK)
}

const CHUNK: usize = 1 << 12;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_stay_where_they_were_put() {
        let mut chunks = Chunks::new();
        let count = u32::try_from(CHUNK).unwrap() * 2 + 3;
        for number in 0..count {
            assert_eq!(chunks.len(), usize::try_from(number).unwrap());
            chunks.push(number);
        }
        *chunks.get_mut(4_096).unwrap() = 7;
        assert_eq!(
            (chunks.get(4_095), chunks.get(4_096), chunks.get(count - 1)),
            (Some(&4_095), Some(&7), Some(&(count - 1)))
        );
        assert_eq!(chunks.get(count), None);
    }

    #[test]
    fn only_chunks_that_are_written_to_exist() {
        let mut chunks = SparseChunks::<u8>::new();
        assert_eq!(chunks.get(9_000), None);
        *chunks.get_mut(9_000).unwrap() = 5;
        assert_eq!((chunks.get(9_000), chunks.get(9_001), chunks.get(0)), (Some(&5), Some(&0), None));
        assert_eq!(chunks.chunks.iter().filter(|chunk| !chunk.is_empty()).count(), 1);
    }
}
