import asyncio
import io

import pytest
from PIL import Image

from console.rasters import UnshowableError, whole_raster_of
from console.thumbnails import Key, Load, Thumbnails


def picture(shade: int = 0) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (400, 300), (shade, 0, 0)).save(file, "PNG")
    return file.getvalue()


class Store:
    """Gives pictures out when it is told to; counts."""

    def __init__(self) -> None:
        self.asked: list[Key] = []
        self.at_once = 0
        self.most = 0
        self.open = asyncio.Event()
        self.open.set()

    def load(self, key: Key) -> Load:
        async def load() -> tuple[bytes, object]:
            self.asked.append(key)
            self.at_once += 1
            self.most = max(self.most, self.at_once)
            try:
                await self.open.wait()
                data = picture(key[1] % 256)
                return data, whole_raster_of(data)
            finally:
                self.at_once -= 1

        return load  # type: ignore[return-value] # of a raster


async def settled() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


async def test_a_thumbnail_is_kept() -> None:
    store, thumbnails = Store(), Thumbnails()
    first = await thumbnails.get(("s", 0), store.load(("s", 0)))
    assert await thumbnails.get(("s", 0), store.load(("s", 0))) is first
    assert thumbnails.kept(("s", 0)) is first
    assert len(store.asked) == 1


async def test_pictures_of_two_submissions_are_two() -> None:
    store, thumbnails = Store(), Thumbnails()
    one = await thumbnails.get(("s", 0), store.load(("s", 0)))
    other = await thumbnails.get(("t", 0), store.load(("t", 99)))
    assert one.data != other.data


async def test_what_nobody_has_asked_for_longest_goes_first() -> None:
    store = Store()
    size = len((await Thumbnails().get(("s", 0), store.load(("s", 0)))).data)
    thumbnails = Thumbnails(kept_bytes=size * 5 // 2)
    for number in (0, 1, 0, 2):
        await thumbnails.get(("s", number), store.load(("s", number)))
    assert [thumbnails.kept(("s", number)) is not None for number in range(3)] == [True, False, True]


async def test_all_that_are_kept_stay_below_the_bound() -> None:
    store, thumbnails = Store(), Thumbnails(kept_bytes=20_000)
    kept = 0
    for number in range(30):
        await thumbnails.get(("s", number), store.load(("s", number)))
        found = [thumbnails.kept(("s", n)) for n in range(30)]
        kept = sum(len(one.data) for one in found if one is not None)
        assert kept <= 20_000
    assert kept > 0


async def test_few_are_made_at_a_time_however_many_are_wanted() -> None:
    store, thumbnails = Store(), Thumbnails(at_once=2)
    keys = [("s", number) for number in range(40)]
    store.open.clear()
    wanted = [asyncio.create_task(thumbnails.get(key, store.load(key))) for key in keys]
    await settled()
    assert store.at_once == 2
    store.open.set()
    await asyncio.gather(*wanted)
    assert store.most == 2
    assert sorted(store.asked) == keys


async def test_whoever_wants_one_that_is_being_made_waits_for_that_one() -> None:
    store, thumbnails = Store(), Thumbnails()
    made = await asyncio.gather(*(thumbnails.get(("s", 0), store.load(("s", 0))) for _ in range(20)))
    assert len(store.asked) == 1
    assert all(thumbnail is made[0] for thumbnail in made)


async def test_one_that_nobody_waits_for_any_more_is_not_made() -> None:
    store, thumbnails = Store(), Thumbnails(at_once=1)
    store.open.clear()
    wanted = [asyncio.create_task(thumbnails.get(("s", n), store.load(("s", n)))) for n in range(4)]
    await settled()
    for one in wanted[1:3]:
        one.cancel()
    await settled()
    store.open.set()
    await asyncio.wait(wanted)
    assert store.asked == [("s", 0), ("s", 3)]


async def test_one_that_another_still_waits_for_is_made() -> None:
    store, thumbnails = Store(), Thumbnails()
    store.open.clear()
    first, second = (asyncio.create_task(thumbnails.get(("s", 0), store.load(("s", 0)))) for _ in range(2))
    await settled()
    first.cancel()
    await settled()
    store.open.set()
    assert (await second).content_type == "image/jpeg"
    assert len(store.asked) == 1


async def test_one_that_was_given_up_can_be_wanted_again() -> None:
    store, thumbnails = Store(), Thumbnails()
    store.open.clear()
    first = asyncio.create_task(thumbnails.get(("s", 0), store.load(("s", 0))))
    await settled()
    first.cancel()
    again = asyncio.create_task(thumbnails.get(("s", 0), store.load(("s", 0))))
    await settled()
    store.open.set()
    assert (await again).data


async def test_a_failure_is_told_to_all_and_not_kept() -> None:
    thumbnails = Thumbnails()
    tries = 0

    async def load() -> tuple[bytes, object]:
        nonlocal tries
        tries += 1
        await asyncio.sleep(0)
        raise UnshowableError("no picture")

    wanted = (thumbnails.get(("s", 0), load) for _ in range(3))  # type: ignore[arg-type] # it raises
    found = await asyncio.gather(*wanted, return_exceptions=True)
    assert [str(one) for one in found] == ["no picture"] * 3
    assert tries == 1
    with pytest.raises(UnshowableError):
        await thumbnails.get(("s", 0), load)  # type: ignore[arg-type] # it raises
    assert tries == 2
