use crate::{DataType, Field};

/// A field's type and length in one number, so that one comparison checks both.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct FieldLayout(u32);

impl FieldLayout {
    pub(crate) const fn of(field: &Field) -> Self {
        Self::new(field.element().data_type(), field.length())
    }

    pub(crate) const fn natural(data_type: DataType) -> Self {
        Self::new(data_type, data_type.natural_length())
    }

    pub(crate) const fn new(data_type: DataType, length: u16) -> Self {
        Self((data_type.code() as u32) << 16 | length as u32)
    }

    pub(crate) const fn data_type(self) -> u8 {
        let [_, code, ..] = self.0.to_be_bytes();
        code
    }

    pub(crate) const fn length(self) -> u16 {
        let [.., high, low] = self.0.to_be_bytes();
        u16::from_be_bytes([high, low])
    }
}
