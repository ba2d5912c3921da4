"""A session with the gateway through ib_insync or ib_async, told as one JSON object.

Run by the Python of the environment that has the library: speak_ib.py LIBRARY PORT ACCOUNT.
"""

import asyncio
import json
import sys
from importlib import import_module
from math import isfinite

STRIKES = ((2700, "P"), (2725, "P"), (2790, "C"), (2815, "C"))
ACTIONS = ("BUY", "SELL", "SELL", "BUY")


async def session(library, port, account):
    lib = import_module(library)
    ib = lib.IB()
    ib.RaiseRequestErrors = True
    await ib.connectAsync("127.0.0.1", port, clientId=7, timeout=20)
    told = {"accounts": ib.managedAccounts()}
    (index,) = await ib.reqContractDetailsAsync(lib.Index("SPX", "CBOE"))
    (hedge,) = await ib.reqContractDetailsAsync(lib.Option("VIX", "20180213", 20, "C", "SMART"))
    told["index"] = [index.contract.conId, index.longName]
    told["hedge"] = [hedge.contract.localSymbol, hedge.realExpirationDate]
    chains = await ib.reqSecDefOptParamsAsync("SPX", "", "IND", index.contract.conId)
    told["chains"] = sorted(
        ([c.exchange, c.tradingClass, len(c.expirations), len(c.strikes)] for c in chains), key=str
    )
    options = [
        lib.Option("SPX", "20180205", strike, right, "SMART", tradingClass="SPXW")
        for strike, right in STRIKES
    ]
    await ib.qualifyContractsAsync(*options)
    tickers = await ib.reqTickersAsync(*options)
    told["quotes"] = [[t.contract.localSymbol, t.bid, t.ask] for t in tickers]
    legs = [
        lib.ComboLeg(conId=o.conId, ratio=1, action=a, exchange="SMART")
        for o, a in zip(options, ACTIONS, strict=True)
    ]
    bag = lib.Contract(
        symbol="SPX", secType="BAG", currency="USD", exchange="SMART", comboLegs=legs
    )
    state = await ib.whatIfOrderAsync(bag, entry(lib, account, -1.0, "what-if"))
    told["margin"] = float(state.initMarginAfter)
    trade = ib.placeOrder(bag, entry(lib, account, -1.0, "entry"))
    reports = [0]
    ib.commissionReportEvent += lambda *_: reports.__setitem__(0, reports[0] + 1)
    while not (trade.orderStatus.status == "Filled" and reports[0] == len(STRIKES)):
        await asyncio.wait_for(ib.updateEvent, 20)
    told["fill"] = [trade.orderStatus.filled, trade.orderStatus.avgFillPrice]
    fills = [[f.contract.secType, f.execution.side, f.execution.price] for f in trade.fills]
    told["executions"] = sorted(fills, key=str)
    told["commission"] = round(sum(f.commissionReport.commission for f in trade.fills), 4)
    told["positions"] = sorted(
        [p.contract.localSymbol, p.position] for p in await ib.reqPositionsAsync()
    )
    while len(ib.portfolio()) < len(STRIKES):
        await asyncio.wait_for(ib.updateEvent, 20)
    told["portfolio"] = sorted([i.contract.localSymbol, i.position] for i in ib.portfolio())
    single = ib.reqPnLSingle(account, "", options[0].conId)
    while not isfinite(single.unrealizedPnL):
        await asyncio.wait_for(ib.updateEvent, 20)
    told["single"] = float(single.position)
    resting = ib.placeOrder(bag, entry(lib, account, -20.0, "resting"))
    while resting.orderStatus.status != "Submitted":
        await asyncio.wait_for(ib.updateEvent, 20)
    ib.cancelOrder(resting.order)
    while resting.orderStatus.status != "Cancelled":
        await asyncio.wait_for(ib.updateEvent, 20)
    told["resting"] = resting.orderStatus.status
    done = await ib.reqCompletedOrdersAsync(False)
    told["completed"] = sorted([t.order.orderRef, t.orderStatus.status] for t in done)
    ib.disconnect()
    return told


def entry(lib, account, limit, reference):
    """Return an order for one unit, bought at a negative limit: a credit."""
    return lib.LimitOrder("BUY", 1, limit, account=account, orderRef=reference, tif="DAY")


if __name__ == "__main__":
    name, port, account = sys.argv[1:]
    print(json.dumps(asyncio.run(session(name, int(port), account))))
