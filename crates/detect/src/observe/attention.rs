use flow::FlowNumber;

/// How much attention each connection gets, by the number of its flow: one octet each.
#[derive(Debug, Default)]
pub(super) struct Attentions {
    by_flow: Vec<Attention>,
}

/// How much attention a connection gets.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Attention(u8);

impl Attention {
    /// Nothing was said yet.
    pub(super) const NEW: Self = Self(0);
    /// Somebody listens to it.
    pub(super) const LISTENED: Self = Self(u8::MAX - 1);
    /// None any more.
    pub(super) const NONE: Self = Self(u8::MAX);

    /// After one more segment with nothing of interest in it, of at most `most`.
    pub(super) const fn after_look(self, most: u8) -> Self {
        if self.0.saturating_add(1) >= most { Self::NONE } else { Self(self.0 + 1) }
    }
}

impl Attentions {
    /// That of a flow; none, if it was never set.
    #[inline]
    pub(super) fn of(&self, flow: FlowNumber) -> Attention {
        self.by_flow.get(flow.index()).copied().unwrap_or(Attention::NONE)
    }

    pub(super) fn set(&mut self, flow: FlowNumber, attention: Attention) {
        let index = flow.index();
        if index >= self.by_flow.len() {
            self.by_flow.resize(index + 1, Attention::NONE);
        }
        if let Some(place) = self.by_flow.get_mut(index) {
            *place = attention;
        }
    }
}
