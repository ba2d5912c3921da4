"""What `alvh top` is told over the control socket: three pages in one object."""

from bot.web.desk import Desk
from bot.web.views.condor import condor_page
from bot.web.views.hedge import hedge_page
from bot.web.views.overview import overview
from bot.web.views.plain import Json


async def overview_of(desk: Desk) -> Json:
    """Return the object of `/api/overview`."""
    pulse = await desk.monitor.pulse(desk.feed.streams)
    shown = overview(desk.facts, await desk.scene())
    return {**shown, "connection": pulse.connection, "is_well": pulse.is_well}


async def told_of(desk: Desk) -> Json:
    """Return the objects of `/api/overview`, `/api/condor` and `/api/hedge` at one instant."""
    scene = await desk.scene()
    return {
        "overview": await overview_of(desk),
        "condor": condor_page(desk.facts, scene),
        "hedge": hedge_page(desk.facts, scene),
    }


class Window:
    """A desk for somebody who looks now and then: it reads on only when it is looked at."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def told(self) -> Json:
        """Return what is to be seen now, all that was committed included."""
        await self._desk.feed.load()
        return await told_of(self._desk)

    async def close(self) -> None:
        """Look no more."""
        await self._desk.close()
