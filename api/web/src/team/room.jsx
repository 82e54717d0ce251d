// The team's room. Its pages come with their navigation.
import { me } from "../lib/session.js";
import { useStore } from "../lib/store.js";
import { Shell } from "../ui/shell.jsx";

const HOME = "/team";

function Frame({ children }) {
  const asker = useStore(me);
  return <Shell nav={[]} home={HOME} who={asker?.person?.name}>{children}</Shell>;
}

export async function enter() {
  return { home: HOME, routes: [], Frame };
}
