"""Every word of the micro world. Items belong to one category only, so truth can be checked from the text."""

CATEGORIES: dict[str, tuple[str, ...]] = {
    "fruits": ("apple", "banana", "cherry", "date", "fig", "grape", "kiwi", "lemon", "mango", "nectarine"),
    "animals": ("badger", "camel", "donkey", "elephant", "ferret", "goat", "hamster", "jackal", "lion", "otter"),
    "tools": ("anvil", "bolt", "chisel", "drill", "file", "hammer", "jigsaw", "lathe", "mallet", "pliers"),
    "trees": ("alder", "beech", "cedar", "elm", "fir", "hazel", "juniper", "larch", "maple", "oak"),
    "metals": ("aluminium", "bronze", "copper", "gold", "iron", "lead", "mercury", "nickel", "platinum", "silver"),
    "sports": ("archery", "boxing", "cricket", "darts", "fencing", "golf", "hockey", "judo", "rowing", "skiing"),
    "rivers": ("amazon", "clyde", "danube", "elbe", "ganges", "indus", "jordan", "loire", "mekong", "nile"),
    "clothes": ("apron", "belt", "coat", "dress", "glove", "hat", "jacket", "kilt", "mitten", "scarf"),
}
SINGULAR: dict[str, str] = {name: {"clothes": "garment"}.get(name, name.removesuffix("s")) for name in CATEGORIES}
CATEGORY_OF: dict[str, str] = {item: name for name, items in CATEGORIES.items() for item in items}

NUMBERS: tuple[str, ...] = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")

ORDERS: dict[str, tuple[str, ...]] = {
    "any": ("", ", in any order"),
    "alphabetical": (", in alphabetical order", ", sorted from a to z"),
    "reverse": (", in reverse alphabetical order", ", sorted from z to a"),
}
FACTS: tuple[str, ...] = ("", "with one fact", "with two facts", "with three facts")
PHRASINGS: tuple[str, ...] = (
    "please give me {what} .",
    "name {what} .",
    "i need a list of {what} .",
    "could you list {what} ?",
    "tell me {what} .",
    "write down {what} .",
)
FLOWING: tuple[str, ...] = (PHRASINGS[0], PHRASINGS[1], PHRASINGS[4])  # the others ask for a list
TAILS: tuple[str, ...] = ("", "thank you !", "it is for a friend .", "keep it tidy .")

# What an answer may say after its list: "elaboration". Five words of sense and a full stop each.
SENTENCES: tuple[str, ...] = (
    "all of them are common",
    "most people know them well",
    "they are easy to remember",
    "some of them are rare",
    "you may know others too",
    "books describe them in detail",
    "each one has a story",
    "children learn them at school",
    "they appear in many songs",
    "experts could name many more",
    "i like the first best",
    "the last one surprises people",
    "you can look them up",
    "their names are quite old",
    "they come from many places",
    "ask me for more examples",
)
CLOSING = "i hope this helps"
FACT = "{item} is a kind of {kind}"


# How a held-out skill is asked for.
QUESTIONS: dict[str, str] = {
    "kind": "what kind of thing is {0} ?",
    "odd one out": "which word does not belong : {0} ?",
    "alphabet": "which word comes first in the dictionary : {0} ?",
    "counting": "how many words are here : {0} ?",
    "last": "what is the last word of : {0} ?",
    "copy": "repeat after me : {0} .",
    "more": "which number is more : {0} ?",
    "next": "which number comes after {0} ?",
}
# Goal texts: the overall score, or one line an attribute.
GOAL_WORDS: tuple[str, ...] = (
    "overall score :",
    "count truth unique order elaboration facts concise form close .",
)
MAX_NUMERAL = 100


def vocabulary(extra: tuple[str, ...] = ()) -> list[str]:
    """Every word that a prompt, an answer or a goal can hold, sorted: the tokenizer's vocabulary.

    Scores are numerals ("1" .. "100") and counts are words ("six"): a model cannot mistake one for the other.
    """
    texts = [*PHRASINGS, *TAILS, *SENTENCES, *NUMBERS, *CATEGORIES, *SINGULAR.values(), *CATEGORY_OF, *extra]
    texts += [text for texts_of_order in ORDERS.values() for text in texts_of_order]
    texts += [*QUESTIONS.values(), *GOAL_WORDS, *FACTS, CLOSING, FACT, ", . ? ! : and without"]
    texts += map(str, range(MAX_NUMERAL + 1))
    words = {word for text in texts for word in text.split() if "{" not in word}
    return sorted(words)
