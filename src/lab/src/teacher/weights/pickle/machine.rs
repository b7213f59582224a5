//! The stack machine.

mod functions;

use std::collections::BTreeMap;

use super::{DEPTH_MAX, Element, OBJECTS_MAX, PickleError, STACK_MAX, Storage, StoredTensor};

/// The longest text: a tensor's name, a storage's key.
const TEXT_BYTES_MAX: usize = 256;

#[derive(Debug, Clone, Copy)]
enum Value {
    Mark,
    None,
    Bool,
    Int(i64),
    Global(Global),
    Object(usize),
}

#[derive(Debug, Clone, Copy)]
enum Global {
    OrderedDict,
    RebuildTensor,
    RebuildParameter,
    Storage(Element),
}

#[derive(Debug)]
struct Object {
    kind: Kind,
    /// Levels below this one that it was made with.
    depth: usize,
}

#[derive(Debug)]
enum Kind {
    Text(String),
    Tuple(Vec<Value>),
    Dict(Vec<(Value, Value)>),
    Storage(Storage),
    Tensor(StoredTensor),
}

struct Machine<'a> {
    pickle: &'a [u8],
    position: usize,
    stack: Vec<Value>,
    memo: BTreeMap<u32, Value>,
    objects: Vec<Object>,
}

pub(super) fn run(pickle: &[u8]) -> Result<BTreeMap<String, StoredTensor>, PickleError> {
    let mut machine = Machine {
        pickle,
        position: 0,
        stack: Vec::new(),
        memo: BTreeMap::new(),
        objects: Vec::new(),
    };
    while machine.step()? {}
    machine.result()
}

impl Machine<'_> {
    /// Does one instruction; false after the last.
    fn step(&mut self) -> Result<bool, PickleError> {
        let position = self.position;
        let [opcode] = self.array()?;
        match opcode {
            b'.' => return Ok(false),
            // PROTO: the versions differ in instructions, which are checked one by one.
            0x80 => drop(self.array::<1>()?),
            b'(' => self.push(Value::Mark)?,
            b'N' => self.push(Value::None)?,
            0x88 | 0x89 => self.push(Value::Bool)?,
            b'K' => {
                let [value] = self.array()?;
                self.push(Value::Int(value.into()))?;
            }
            b'M' => {
                let value = u16::from_le_bytes(self.array()?);
                self.push(Value::Int(value.into()))?;
            }
            b'J' => {
                let value = i32::from_le_bytes(self.array()?);
                self.push(Value::Int(value.into()))?;
            }
            0x8a => self.long()?,
            b'X' => self.text()?,
            b')' => self.tuple(Vec::new())?,
            b't' => {
                let values = self.pop_to_mark()?;
                self.tuple(values)?;
            }
            0x85..=0x87 => {
                let values = self.pop_many(usize::from(opcode - 0x84))?;
                self.tuple(values)?;
            }
            b'}' => self.object(Kind::Dict(Vec::new()), 0)?,
            b's' => {
                let items = self.pop_many(2)?;
                self.set_items(&items)?;
            }
            b'u' => {
                let items = self.pop_to_mark()?;
                self.set_items(&items)?;
            }
            b'c' => self.global()?,
            b'Q' => self.persistent()?,
            b'R' => self.reduce()?,
            b'b' => self.build()?,
            b'q' => {
                let [slot] = self.array()?;
                self.remember(slot.into())?;
            }
            b'r' => {
                let slot = u32::from_le_bytes(self.array()?);
                self.remember(slot)?;
            }
            b'h' => {
                let [slot] = self.array()?;
                self.recall(slot.into())?;
            }
            b'j' => {
                let slot = u32::from_le_bytes(self.array()?);
                self.recall(slot)?;
            }
            _ => return Err(PickleError::Opcode { opcode, position }),
        }
        Ok(true)
    }

    fn result(&mut self) -> Result<BTreeMap<String, StoredTensor>, PickleError> {
        let Value::Object(root) = self.pop()? else {
            return Err(PickleError::NoTensors);
        };
        let Kind::Dict(items) = &self.objects[root].kind else {
            return Err(PickleError::NoTensors);
        };
        let mut tensors = BTreeMap::new();
        for &(name, value) in items {
            if let (Some(Kind::Text(name)), Some(Kind::Tensor(tensor))) =
                (self.kind(name), self.kind(value))
            {
                tensors.insert(name.clone(), tensor.clone());
            }
        }
        if tensors.is_empty() {
            return Err(PickleError::NoTensors);
        }
        Ok(tensors)
    }

    // Reading the stream.

    fn bytes(&mut self, count: usize) -> Result<&[u8], PickleError> {
        let position = self.position;
        let bytes = self.pickle[position..]
            .get(..count)
            .ok_or(PickleError::Truncated { position })?;
        self.position += count;
        Ok(bytes)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], PickleError> {
        let position = self.position;
        let bytes = self.pickle[position..]
            .first_chunk()
            .ok_or(PickleError::Truncated { position })?;
        self.position += N;
        Ok(*bytes)
    }

    fn line(&mut self) -> Result<String, PickleError> {
        let rest = &self.pickle[self.position..];
        let end = rest.iter().position(|&byte| byte == b'\n');
        let length = end.ok_or(PickleError::Truncated {
            position: self.position,
        })?;
        check_text(length)?;
        let line = String::from_utf8_lossy(&rest[..length]).into_owned();
        self.position += length + 1;
        Ok(line)
    }

    fn long(&mut self) -> Result<(), PickleError> {
        let [length] = self.array()?;
        let bytes = self.bytes(length.into())?;
        let negative = bytes.last().is_some_and(|&byte| byte >= 0x80);
        let mut value = [if negative { 0xff } else { 0 }; 8];
        match value.get_mut(..bytes.len()) {
            Some(low) => low.copy_from_slice(bytes),
            None => return Err(self.unexpected("a number")),
        }
        self.push(Value::Int(i64::from_le_bytes(value)))
    }

    fn text(&mut self) -> Result<(), PickleError> {
        let length = u32::from_le_bytes(self.array()?) as usize;
        check_text(length)?;
        let text = std::str::from_utf8(self.bytes(length)?).map(str::to_owned);
        match text {
            Ok(text) => self.object(Kind::Text(text), 0),
            Err(_) => Err(self.unexpected("a text")),
        }
    }

    // The stack and the memo.

    fn push(&mut self, value: Value) -> Result<(), PickleError> {
        if self.stack.len() == STACK_MAX {
            return Err(PickleError::Limit {
                what: "values on its stack",
                limit: STACK_MAX,
            });
        }
        self.stack.push(value);
        Ok(())
    }

    fn pop(&mut self) -> Result<Value, PickleError> {
        match self.stack.pop() {
            None | Some(Value::Mark) => Err(self.unexpected("an operand")),
            Some(value) => Ok(value),
        }
    }

    fn pop_many(&mut self, count: usize) -> Result<Vec<Value>, PickleError> {
        let mut values = Vec::with_capacity(count);
        for _ in 0..count {
            values.push(self.pop()?);
        }
        values.reverse();
        Ok(values)
    }

    fn pop_to_mark(&mut self) -> Result<Vec<Value>, PickleError> {
        let is_mark = |value: &Value| matches!(value, Value::Mark);
        let Some(mark) = self.stack.iter().rposition(is_mark) else {
            return Err(self.unexpected("a mark"));
        };
        let values = self.stack.split_off(mark + 1);
        self.stack.pop();
        Ok(values)
    }

    fn remember(&mut self, slot: u32) -> Result<(), PickleError> {
        let value = self.pop()?;
        self.memo.insert(slot, value);
        self.push(value)
    }

    fn recall(&mut self, slot: u32) -> Result<(), PickleError> {
        match self.memo.get(&slot) {
            Some(&value) => self.push(value),
            None => Err(self.unexpected("a memo")),
        }
    }

    // Composite values.

    fn object(&mut self, kind: Kind, depth: usize) -> Result<(), PickleError> {
        let limits = [
            ("values", self.objects.len() + 1, OBJECTS_MAX),
            ("nested values", depth, DEPTH_MAX),
        ];
        for (what, count, limit) in limits {
            if count > limit {
                return Err(PickleError::Limit { what, limit });
            }
        }
        self.objects.push(Object { kind, depth });
        self.push(Value::Object(self.objects.len() - 1))
    }

    fn tuple(&mut self, values: Vec<Value>) -> Result<(), PickleError> {
        let depth = values.iter().map(|&value| self.depth(value)).max();
        self.object(Kind::Tuple(values), depth.map_or(0, |depth| depth + 1))
    }

    fn set_items(&mut self, items: &[Value]) -> Result<(), PickleError> {
        let dict = self.pop()?;
        let unexpected = self.unexpected("a dict");
        let (pairs, []) = items.as_chunks::<2>() else {
            return Err(unexpected);
        };
        let Value::Object(index) = dict else {
            return Err(unexpected);
        };
        let Kind::Dict(entries) = &mut self.objects[index].kind else {
            return Err(unexpected);
        };
        entries.extend(pairs.iter().map(|&[key, value]| (key, value)));
        self.push(dict)
    }

    fn depth(&self, value: Value) -> usize {
        match value {
            Value::Object(index) => self.objects[index].depth,
            _ => 0,
        }
    }

    fn kind(&self, value: Value) -> Option<&Kind> {
        match value {
            Value::Object(index) => Some(&self.objects[index].kind),
            _ => None,
        }
    }

    fn unexpected(&self, what: &'static str) -> PickleError {
        PickleError::Value {
            what,
            position: self.position,
        }
    }
}

fn check_text(length: usize) -> Result<(), PickleError> {
    if length > TEXT_BYTES_MAX {
        return Err(PickleError::Limit {
            what: "bytes in a text",
            limit: TEXT_BYTES_MAX,
        });
    }
    Ok(())
}
