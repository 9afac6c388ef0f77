//! Labels as files have them → classes from 0.

use std::collections::HashMap;

use super::error::DataError;
use super::facts::MOST_CLASSES;
use super::words::{listed, shorten};

/// The different labels of a data set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LabelSet {
    /// In order: numbers by value, text by bytes.
    pub names: Names,
    /// Whether the training file has each.
    pub in_training: Vec<bool>,
    /// The first label of the test file that the training file does not have: the place of its name, its index, its file.
    pub unseen: Option<(usize, usize, String)>,
    /// The training file's labels, for messages.
    pub file: String,
}

/// What labels are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Names {
    /// Whole numbers.
    Numbers(Vec<i64>),
    /// Words.
    Texts(Vec<String>),
}

/// How labels become classes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Numbering {
    /// Number of classes.
    pub classes: usize,
    /// The class of each name.
    pub class_of: Vec<u8>,
    /// What the user should know of it.
    pub note: Option<String>,
}

/// The different labels of two files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Different<T> {
    /// In order.
    pub names: Vec<T>,
    /// For each label of the training file, its place in `names`.
    pub training: Vec<u8>,
    /// The same for the test file.
    pub test: Vec<u8>,
}

/// The different labels of both files.
///
/// # Errors
/// Their number, if there are more than [`MOST_CLASSES`].
pub fn different<T: Ord + Clone>(training: &[T], test: &[T]) -> Result<Different<T>, usize> {
    let mut names: Vec<T> = Vec::new();
    for label in training.iter().chain(test) {
        if let Err(place) = names.binary_search(label) {
            names.insert(place, label.clone());
            if names.len() > MOST_CLASSES {
                return Err(names.len());
            }
        }
    }
    let places = |labels: &[T]| labels.iter().filter_map(|l| names.binary_search(l).ok()).map(|i| i as u8).collect();
    let (training, test) = (places(training), places(test));
    Ok(Different { names, training, test })
}

impl LabelSet {
    /// Puts a set together from its names and the places of each sample's; the names of both label files.
    pub fn new(names: Names, training: &[u8], test: &[u8], files: [&str; 2]) -> Self {
        let mut in_training = vec![false; names.len()];
        training.iter().for_each(|place| in_training[usize::from(*place)] = true);
        let unseen = test.iter().position(|place| !in_training[usize::from(*place)]);
        let unseen = unseen.map(|index| (usize::from(test[index]), index, files[1].to_owned()));
        Self { names, in_training, unseen, file: files[0].to_owned() }
    }

    /// How its labels become classes. With a stated number K, labels from 0 to K − 1 are classes already, labels from 1 to
    /// K move down by one, and K different labels of any kind are numbered in order. Without one, K is the number of
    /// different training labels.
    ///
    /// # Errors
    /// If the labels do not fit that number; without one, if the test file has a label that the training file has not.
    pub fn numbering(&self, stated: Option<usize>) -> Result<Numbering, DataError> {
        let classes = stated.unwrap_or_else(|| self.in_training.iter().filter(|is_there| **is_there).count());
        if classes < 2 {
            let (expected, found) = ("at least two different labels".to_owned(), self.described(true));
            return Err(DataError::Mismatch { file: self.file.clone(), expected, found: format!("only {found}") });
        }
        if let (None, Some((place, index, file))) = (stated, &self.unseen) {
            let expected = format!("{}, as in training", self.described(true));
            let remedy = "state data.classes if that is right";
            let found = format!("label {} at index {index}; {remedy}", self.names.name(*place));
            return Err(DataError::Mismatch { file: file.clone(), expected, found });
        }
        let in_order = || (0..self.names.len()).map(|i| i as u8).collect();
        let shifted = |numbers: &[i64], by: i64| numbers.iter().map(|n| (n - by) as u8).collect();
        let within = |numbers: &[i64], first: i64| {
            let last = first + classes as i64 - 1;
            numbers.iter().all(|n| (first..=last).contains(n))
        };
        let class_of: Vec<u8> = match &self.names {
            Names::Numbers(numbers) if within(numbers, 0) => shifted(numbers, 0),
            Names::Numbers(numbers) if within(numbers, 1) => shifted(numbers, 1),
            names if names.len() == classes => in_order(),
            _ => return Err(self.misfit(classes)),
        };
        let note = self.note(&class_of);
        Ok(Numbering { classes, class_of, note })
    }

    fn misfit(&self, classes: usize) -> DataError {
        let last = self.names.len().saturating_sub(1);
        DataError::Mismatch {
            file: self.file.clone(),
            expected: format!(
                "labels from 0 to {}, or from 1 to {classes}, or {classes} different ones, as data.classes says",
                classes - 1
            ),
            found: format!(
                "label {} and {} different ones: {}",
                self.names.name(last),
                last + 1,
                self.described(false)
            ),
        }
    }

    /// Says how labels were numbered, unless they are the classes.
    fn note(&self, class_of: &[u8]) -> Option<String> {
        let is_same = |(n, class): (&i64, &u8)| *n == i64::from(*class);
        let is_less_one = |(n, class): (&i64, &u8)| n - 1 == i64::from(*class);
        let how = match &self.names {
            Names::Numbers(numbers) if numbers.iter().zip(class_of).all(is_same) => return None,
            Names::Numbers(numbers) if numbers.iter().zip(class_of).all(is_less_one) => {
                "are classes when 1 is taken from each".to_owned()
            }
            names => format!("became the classes 0 to {}, in this order", names.len() - 1),
        };
        let what = if matches!(self.names, Names::Texts(_)) { "are texts" } else { "were renumbered" };
        let alike =
            self.names.alike().map(|[one, other]| format!("; {one} and {other} are two classes")).unwrap_or_default();
        Some(format!("{}: the labels {what}: {} {how}{alike}", self.file, self.described(false)))
    }

    /// The labels, or only those of the training file, in a few words.
    fn described(&self, of_training: bool) -> String {
        let chosen = (0..self.names.len()).filter(|i| !of_training || self.in_training[*i]).collect::<Vec<_>>();
        match (&self.names, chosen.as_slice()) {
            (_, [only]) => format!("label {}", self.names.name(*only)),
            (Names::Numbers(n), [first, .., last]) if n[*last] - n[*first] == (chosen.len() - 1) as i64 => {
                format!("labels from {} to {}", n[*first], n[*last])
            }
            _ => format!("labels {}", listed(&chosen.iter().map(|i| self.names.name(*i)).collect::<Vec<_>>())),
        }
    }

    /// What the files call a class.
    pub fn name_of(&self, class: usize, numbering: &Numbering) -> String {
        let place = numbering.class_of.iter().position(|of| usize::from(*of) == class);
        place.map_or_else(|| class.to_string(), |place| self.names.name(place))
    }
}

impl Names {
    /// How many there are.
    pub fn len(&self) -> usize {
        match self {
            Self::Numbers(numbers) => numbers.len(),
            Self::Texts(texts) => texts.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Two texts that are one number: where other labels are no numbers they are told apart.
    fn alike(&self) -> Option<[String; 2]> {
        let Self::Texts(texts) = self else { return None };
        let mut first: HashMap<i64, usize> = HashMap::new();
        let numbers = texts.iter().enumerate().filter_map(|(place, text)| Some((place, whole(text)?)));
        let mut pairs = numbers.map(|(place, number)| (*first.entry(number).or_insert(place), place));
        pairs.find(|(first, place)| first != place).map(|(first, place)| [first, place].map(|place| self.name(place)))
    }

    fn name(&self, place: usize) -> String {
        match self {
            Self::Numbers(numbers) => numbers[place].to_string(),
            Self::Texts(texts) => format!("{:?}", shorten(&texts[place])),
        }
    }
}

/// The whole number that a label is, if it is one.
pub fn whole(text: &str) -> Option<i64> {
    text.parse::<f64>().ok().filter(|x| x.fract() == 0.0 && x.abs() <= 9e15).map(|x| x as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(training: &[i64], test: &[i64]) -> LabelSet {
        let Different { names, training, test } = different(training, test).unwrap();
        LabelSet::new(Names::Numbers(names), &training, &test, ["train", "test"])
    }

    fn classes(set: &LabelSet, stated: Option<usize>) -> Result<(usize, Vec<u8>), String> {
        set.numbering(stated).map(|n| (n.classes, n.class_of)).map_err(|error| error.to_string())
    }

    #[test]
    fn labels_from_0_are_the_classes_and_others_are_numbered_in_order_with_a_note() {
        let contiguous = set(&[2, 0, 1], &[1]);
        assert_eq!(classes(&contiguous, None), Ok((3, vec![0, 1, 2])));
        assert_eq!(contiguous.numbering(None).unwrap().note, None);
        for (labels, note) in [
            (vec![1, 2, 3], "labels from 1 to 3 are classes when 1 is taken from each"),
            (vec![0, 1, 255], "labels 0, 1, 255 became the classes 0 to 2"),
            (vec![-1, 1, 7], "labels -1, 1, 7 became the classes 0 to 2"),
        ] {
            let numbering = set(&labels, &[labels[1]]).numbering(None).unwrap();
            assert_eq!((numbering.classes, numbering.class_of), (3, vec![0, 1, 2]));
            assert!(numbering.note.as_ref().unwrap().contains(note), "{:?}", numbering.note);
        }
    }

    #[test]
    fn texts_that_are_one_number_are_told_to_be_two_classes() {
        let note = |labels: [&str; 3]| {
            let Different { names, training, test } = different(&labels.map(str::to_owned), &[]).unwrap();
            let set = LabelSet::new(Names::Texts(names), &training, &test, ["train", "test"]);
            set.numbering(None).unwrap().note.unwrap()
        };
        let told = note(["1", "1.0", "spam"]);
        assert!(told.ends_with("in this order; \"1\" and \"1.0\" are two classes"), "{told}");
        assert!(note(["1", "2", "spam"]).ends_with("in this order"));
    }

    #[test]
    fn the_stated_number_of_classes_decides() {
        // A label that only the test file has.
        let unseen = set(&[0, 1, 2], &[3]);
        assert!(
            classes(&unseen, None)
                .unwrap_err()
                .contains("labels from 0 to 2, as in training, found label 3 at index 0")
        );
        assert_eq!(classes(&unseen, Some(4)), Ok((4, vec![0, 1, 2, 3])));
        assert_eq!(classes(&unseen, Some(10)), Ok((10, vec![0, 1, 2, 3])));
        assert!(classes(&unseen, Some(3)).is_err());
        // From 1, with one that no file has.
        assert_eq!(classes(&set(&[1, 2, 4], &[1]), Some(4)), Ok((4, vec![0, 1, 3])));
        // More than there can be.
        let error = classes(&set(&[0, 1, 2, 255], &[1]), Some(3)).unwrap_err();
        assert!(error.contains("labels from 0 to 2") && error.contains("label 255 and 4 different ones"), "{error}");
        assert!(classes(&set(&[0, 300], &[0]), Some(10)).is_err());
    }

    #[test]
    fn what_was_found_is_found_again_when_it_is_stated() {
        for labels in [vec![0, 1], vec![1, 2], vec![2, 3], vec![0, 2], vec![1, 3], vec![-5, 0, 1, 2], vec![1, 2, 4]] {
            let set = set(&labels, &labels);
            let found = set.numbering(None).unwrap();
            assert_eq!(set.numbering(Some(found.classes)).unwrap(), found, "{labels:?}");
        }
    }

    #[test]
    fn one_label_is_nothing_to_tell_apart_and_257_are_too_many() {
        assert!(classes(&set(&[7, 7], &[7]), None).unwrap_err().contains("only label 7"));
        assert_eq!(different(&(0..257).collect::<Vec<_>>(), &[]), Err(257));
        assert!(different(&(0..256).collect::<Vec<_>>(), &[0]).is_ok());
    }
}
