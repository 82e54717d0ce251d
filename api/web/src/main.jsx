// The pages of partners and the team: clients of /v1/ like any other.
import { render } from "preact";

function Welcome() {
  return (
    <main>
      <h1>Clickledger</h1>
      <p>The tracker and ledger of this partner programme. Partners see here what they earn and why; the team runs the programme.</p>
    </main>
  );
}

render(<Welcome />, document.getElementById("app"));
