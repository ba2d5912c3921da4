"""A session with the gateway through an official client, told as one JSON object.

Run by the Python of the environment that has the client: speak_ibapi.py PORT ACCOUNT.
"""

import inspect
import json
import sys
import threading
from queue import Queue

from ibapi.client import EClient
from ibapi.contract import ComboLeg, Contract
from ibapi.order import Order
from ibapi.wrapper import EWrapper

STRIKES = ((2700, "P"), (2725, "P"), (2790, "C"), (2815, "C"))
ACTIONS = ("BUY", "SELL", "SELL", "BUY")
WAIT_S = 20


class Ear(EWrapper):
    """Puts every answer of the gateway on one queue, by name."""

    def __init__(self):
        EWrapper.__init__(self)
        self.heard = Queue()

    def __getattribute__(self, name):
        known = object.__getattribute__(self, name)
        if name in NAMES:
            return lambda *values, **named: self.heard.put((name, [*values, *named.values()]))
        return known


NAMES = {
    name
    for name, _ in inspect.getmembers(EWrapper, inspect.isfunction)
    if not name.startswith("_") and name not in {"logAnswer"}
}


class Session:
    """One client that waits for answers by name."""

    def __init__(self, port):
        self.ear = Ear()
        self.client = EClient(self.ear)
        self.client.connect("127.0.0.1", port, 7)
        threading.Thread(target=self.client.run, daemon=True).start()

    def wait(self, *names):
        """Return the next answer of one of these names, and what came before it."""
        passed = []
        while True:
            name, values = self.ear.heard.get(timeout=WAIT_S)
            if name in names:
                return name, values, passed
            passed.append((name, values))

    def all_until(self, end):
        """Return the answers that came before `end`."""
        return self.wait(end)[2]


def option(symbol, last_trade, strike, right, trading_class=""):
    contract = Contract()
    contract.symbol, contract.secType, contract.exchange = symbol, "OPT", "SMART"
    contract.currency, contract.multiplier = "USD", "100"
    contract.lastTradeDateOrContractMonth, contract.strike = last_trade, strike
    contract.right, contract.tradingClass = right, trading_class
    return contract


def details(session, number, contract):
    session.client.reqContractDetails(number, contract)
    answers = session.all_until("contractDetailsEnd")
    (found,) = (values[1] for name, values in answers if name == "contractDetails")
    return found


def quote(session, number, contract):
    session.client.reqMktData(number, contract, "", True, False, [])
    sides = {}
    for name, values in session.all_until("tickSnapshotEnd"):
        if name == "tickPrice":
            sides[int(values[1])] = values[2]
    return [contract.localSymbol, sides[1], sides[2]]


def order(account, limit, reference, *, what_if=False):
    wanted = Order()
    wanted.action, wanted.totalQuantity, wanted.orderType = "BUY", 1, "LMT"
    wanted.lmtPrice, wanted.tif, wanted.account = limit, "DAY", account
    wanted.orderRef, wanted.whatIf, wanted.transmit = reference, what_if, True
    wanted.eTradeOnly = wanted.firmQuoteOnly = False
    return wanted


def status_of(session, order_id, wanted):
    """Wait until an order has a status; return the status answer and all before it."""
    passed = []
    while True:
        _, values, before = session.wait("orderStatus")
        passed += before
        if values[0] == order_id and values[1] == wanted:
            return values, passed


def cancel(client, order_id):
    """Cancel by whichever signature the client has."""
    if len(inspect.signature(client.cancelOrder).parameters) == 1:
        client.cancelOrder(order_id)
    else:
        from ibapi.order_cancel import OrderCancel  # noqa: PLC0415 - the old client has none

        client.cancelOrder(order_id, OrderCancel())


def run(port, account):
    session = Session(port)
    client = session.client
    _, (next_id,), before = session.wait("nextValidId")
    accounts = [values[0] for name, values in before if name == "managedAccounts"]
    told = {"accounts": accounts[0].split(",")}
    spx = Contract()
    spx.symbol, spx.secType, spx.exchange, spx.currency = "SPX", "IND", "CBOE", "USD"
    index = details(session, 101, spx)
    hedge = details(session, 102, option("VIX", "20180213", 20, "C"))
    told["index"] = [index.contract.conId, index.longName]
    told["hedge"] = [hedge.contract.localSymbol, hedge.realExpirationDate]
    client.reqSecDefOptParams(103, "SPX", "", "IND", index.contract.conId)
    rows = session.all_until("securityDefinitionOptionParameterEnd")
    parameters = (v for name, v in rows if name == "securityDefinitionOptionParameter")
    told["chains"] = sorted(([v[1], v[3], len(v[5]), len(v[6])] for v in parameters), key=str)
    options = [
        details(session, 110 + n, option("SPX", "20180205", k, r, "SPXW")).contract
        for n, (k, r) in enumerate(STRIKES)
    ]
    told["quotes"] = [quote(session, 120 + n, each) for n, each in enumerate(options)]
    bag = Contract()
    bag.symbol, bag.secType, bag.currency, bag.exchange = "SPX", "BAG", "USD", "SMART"
    bag.comboLegs = []
    for each, action in zip(options, ACTIONS, strict=True):
        leg = ComboLeg()
        leg.conId, leg.ratio, leg.action, leg.exchange = each.conId, 1, action, "SMART"
        bag.comboLegs.append(leg)
    client.placeOrder(next_id, bag, order(account, -1.0, "what-if", what_if=True))
    told["margin"] = float(session.wait("openOrder")[1][3].initMarginAfter)
    client.placeOrder(next_id + 1, bag, order(account, -1.0, "entry"))
    status, passed = status_of(session, next_id + 1, "Filled")
    told["fill"] = [float(status[2]), float(status[4])]
    fills = [v for name, v in passed if name == "execDetails"]
    told["executions"] = sorted(([v[1].secType, v[2].side, v[2].price] for v in fills), key=str)
    paid = []
    while len(paid) < len(STRIKES):
        report = session.wait("commissionReport", "commissionAndFeesReport")[1][0]
        paid.append(getattr(report, "commission", None) or report.commissionAndFees)
    told["commission"] = round(sum(paid), 4)
    client.reqPositions()
    rows = session.all_until("positionEnd")
    told["positions"] = sorted(
        [v[1].localSymbol, float(v[2])] for name, v in rows if name == "position"
    )
    client.reqAccountUpdates(True, account)
    rows = session.all_until("accountDownloadEnd")
    told["portfolio"] = sorted(
        [v[0].localSymbol, float(v[1])] for name, v in rows if name == "updatePortfolio"
    )
    client.reqPnLSingle(300, account, "", options[0].conId)
    told["single"] = float(session.wait("pnlSingle")[1][1])
    client.placeOrder(next_id + 2, bag, order(account, -20.0, "resting"))
    status_of(session, next_id + 2, "Submitted")
    cancel(client, next_id + 2)
    told["resting"] = status_of(session, next_id + 2, "Cancelled")[0][1]
    client.reqCompletedOrders(False)
    rows = session.all_until("completedOrdersEnd")
    told["completed"] = sorted(
        [v[1].orderRef, v[2].status] for name, v in rows if name == "completedOrder"
    )
    client.disconnect()
    return told


if __name__ == "__main__":
    print(json.dumps(run(int(sys.argv[1]), sys.argv[2])))
