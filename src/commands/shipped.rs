//! The configurations that ship with the program, built into it.

/// Name and text of each, as in `configs/`.
pub(super) const SHIPPED: [(&str, &str); 14] = [
    ("quickstart", include_str!("../../configs/quickstart.json")),
    ("factorial", include_str!("../../configs/factorial.json")),
    ("offset-inputs", include_str!("../../configs/offset-inputs.json")),
    ("depth-sweep", include_str!("../../configs/depth-sweep.json")),
    ("lr-sweep", include_str!("../../configs/lr-sweep.json")),
    ("mnist-mlp", include_str!("../../configs/mnist-mlp.json")),
    ("mnist-cnn", include_str!("../../configs/mnist-cnn.json")),
    ("mechanisms", include_str!("../../configs/mechanisms.json")),
    ("which-half", include_str!("../../configs/which-half.json")),
    ("dose", include_str!("../../configs/dose.json")),
    ("ghost-batches", include_str!("../../configs/ghost-batches.json")),
    ("residual", include_str!("../../configs/residual.json")),
    ("shift-and-scale", include_str!("../../configs/shift-and-scale.json")),
    ("ioffe-mnist", include_str!("../../configs/ioffe-mnist.json")),
];

/// The text of a shipped configuration.
pub(super) fn text(name: &str) -> Option<&'static str> {
    SHIPPED.iter().find(|(known, _)| *known == name).map(|(_, text)| *text)
}

/// Their names.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    SHIPPED.iter().map(|(name, _)| *name)
}
