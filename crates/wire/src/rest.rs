/// What of a frame is still to be read: the captured octets, and how many there were on the wire.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rest<'a> {
    /// Captured octets from the current position on.
    pub captured: &'a [u8],
    /// Octets on the wire from the current position on; at least as many as `captured`, or `u32::MAX` if the carrier was itself
    /// a fragment, whose end says nothing about the end of what it carries.
    pub wire: u32,
    /// Octets of the frame that were walked over: where in the frame `captured` begins.
    pub offset: usize,
}

impl<'a> Rest<'a> {
    /// Goes `count` octets on; past the end, nothing is left, and `offset` is the end.
    #[inline]
    pub(crate) fn skip(&mut self, count: usize) {
        self.offset += count.min(self.captured.len());
        self.captured = self.captured.get(count..).unwrap_or_default();
        if self.wire != u32::MAX {
            self.wire = self.wire.saturating_sub(u32::try_from(count).unwrap_or(u32::MAX));
        }
    }

    /// Takes the next `N` octets, if they were captured.
    #[inline]
    pub(crate) fn take<const N: usize>(&mut self) -> Option<&'a [u8; N]> {
        let chunk = self.captured.first_chunk::<N>()?;
        self.skip(N);
        Some(chunk)
    }

    /// The next octet, which is not taken.
    pub(crate) fn peek(&self) -> Option<u8> {
        self.captured.first().copied()
    }

    /// Nothing beyond the next `count` octets belongs to what is read now: cuts off padding.
    #[inline]
    pub(crate) fn limit(&mut self, count: u32) {
        self.wire = self.wire.min(count);
        if let Some(within) = usize::try_from(count).ok().and_then(|count| self.captured.get(..count)) {
            self.captured = within;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reading_past_the_end_leaves_nothing() {
        let mut rest = Rest { captured: &[1, 2, 3], wire: 10, offset: 0 };
        assert_eq!(rest.take::<2>(), Some(&[1, 2]));
        assert_eq!((rest.peek(), rest.wire), (Some(3), 8));
        assert_eq!(rest.take::<2>(), None);
        rest.skip(9);
        assert_eq!((rest.captured.len(), rest.wire, rest.offset), (0, 0, 3));
    }

    #[test]
    fn a_limit_never_adds() {
        let mut rest = Rest { captured: &[1, 2, 3], wire: 3, offset: 0 };
        rest.limit(9);
        assert_eq!((rest.captured.len(), rest.wire), (3, 3));
        rest.limit(1);
        assert_eq!((rest.captured, rest.wire), (&[1][..], 1));
    }
}
