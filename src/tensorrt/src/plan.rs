//! A network as one kind of GPU and one version of TensorRT run it.

/// A serialised engine. It fits the version of TensorRT and the kind of GPU that it was built with,
/// and nothing tells beforehand whether it does: [`Runtime::engine`](crate::Runtime::engine) takes
/// it or not.
///
/// A plan is trusted like a program: TensorRT does not guard itself against one that was tampered
/// with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan(Vec<u8>);

impl Plan {
    /// A plan that was built on this board before and kept where nobody else may write.
    pub fn from_trusted_bytes(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// To be kept.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}
