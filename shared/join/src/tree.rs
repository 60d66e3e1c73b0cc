//! What a tree of boxes takes in memory.

use rstar::{ParentNode, RTree, RTreeNode, RTreeObject};

/// Bytes of all nodes.
pub(crate) fn size_bytes<T: RTreeObject>(tree: &RTree<T>) -> usize {
    size_of::<ParentNode<T>>() + below(tree.root())
}

fn below<T: RTreeObject>(parent: &ParentNode<T>) -> usize {
    let children = parent.children();
    let nested = children.iter().map(|child| match child {
        RTreeNode::Leaf(_) => 0,
        RTreeNode::Parent(parent) => below(parent),
    });
    size_of_val(children) + nested.sum::<usize>()
}
