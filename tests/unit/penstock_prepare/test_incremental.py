"""After a push only what changed since the last reviewed head is reviewed (G7)."""

from penstock_changes.documents import encode_document
from tests.unit.penstock_prepare.support import FIRST, SECOND, World

THIRD = SECOND | {"shop/tax.py": b"rate = 0.2\n"}


class Pushed(World):
    """A pull request of which `head` was reviewed, and to which `latest` was pushed since."""

    def __init__(self) -> None:
        super().__init__()
        self.base, self.head = self.opened()
        self.latest = self.commit(THIRD, self.head)
        self.show(self.base, self.latest)

    async def paths(self, **fields: object) -> list[str]:
        said = {"reviewed_head": self.head, "reviewed_base": self.base, **fields}
        fact = await self.resolved(**said)  # type: ignore[arg-type]
        return [path for batch in self.batches(fact) for path in batch.paths]


async def test_only_what_was_pushed_since_is_reviewed() -> None:
    assert await Pushed().paths() == ["shop/tax.py"]


async def test_the_change_and_its_list_of_files_are_those_of_the_whole_pull_request() -> None:
    world = Pushed()
    fact = await world.resolved(reviewed_head=world.head, reviewed_base=world.base)
    assert [file.path for file in world.manifest(fact).files] == ["shop/cart.py", "shop/tax.py"]
    assert b"shop/cart.py" in world.blobs.data[fact.change_blob]


async def test_what_the_last_review_missed_is_reviewed_in_full() -> None:
    world = Pushed()
    missed = await world.blobs.put(encode_document(("shop/cart.py", "gone.py")))
    assert await world.paths(missed_blob=missed) == ["shop/cart.py", "shop/tax.py"]


async def test_where_the_list_of_what_was_missed_is_gone_everything_is_reviewed() -> None:
    assert await Pushed().paths(missed_blob="0" * 64) == ["shop/cart.py", "shop/tax.py"]


async def test_a_full_review_is_asked_for_by_name() -> None:
    assert await Pushed().paths(full=True) == ["shop/cart.py", "shop/tax.py"]


async def test_a_rewritten_branch_is_reviewed_in_full() -> None:
    world = Pushed()
    world.show(world.base, world.commit(THIRD, world.base))
    assert await world.paths() == ["shop/cart.py", "shop/tax.py"]


async def test_a_target_that_was_merged_in_is_reviewed_in_full() -> None:
    world = Pushed()
    ahead = world.commit(FIRST | {"elsewhere.py": b"x = 1\n"}, world.base)
    merged = world.commit(THIRD | {"elsewhere.py": b"x = 1\n"}, world.latest, ahead)
    world.show(ahead, merged)
    assert await world.paths() == ["shop/cart.py", "shop/tax.py"]


async def test_a_target_that_merely_moved_on_changes_nothing() -> None:
    world = Pushed()
    world.show(world.commit(FIRST | {"elsewhere.py": b"x = 1\n"}, world.base), world.latest)
    assert await world.paths() == ["shop/tax.py"]


async def test_a_reviewed_head_that_is_gone_is_reviewed_in_full() -> None:
    assert await Pushed().paths(reviewed_head="f" * 40) == ["shop/cart.py", "shop/tax.py"]


async def test_the_same_head_asked_for_again_is_reviewed_in_full() -> None:
    world = Pushed()
    assert await world.paths(reviewed_head=world.latest) == ["shop/cart.py", "shop/tax.py"]


async def test_a_file_that_is_as_in_the_target_again_is_not_reviewed() -> None:
    world = Pushed()
    back = world.commit(THIRD | {"shop/cart.py": FIRST["shop/cart.py"]}, world.latest)
    world.show(world.base, back)
    assert await world.paths() == ["shop/tax.py"]
